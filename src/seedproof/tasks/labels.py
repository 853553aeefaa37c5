"""What a column of labels means: classes or amounts, by rules, or as the user says; and what hardly holds labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.classes import class_name, classes_of, has_decimals, shown
from seedproof.tasks.columns import Table
from seedproof.tasks.parsing import Parsing
from seedproof.tasks.split import Kind
from seedproof.tasks.targets import number_of

FEW = 20
"""Different whole numbers that are taken for classes in any table; in a longer one as many as have this many rows each."""
MOST_CLASSES = 1_000
"""Classes of a table: each run has a table of confusion of so many rows and columns."""

ID_LIKE = 0.95
"""Fraction of the rows that have a whole number of their own from which on labels look like ids."""


class Labels(NamedTuple):
    """What a column of labels means."""

    kind: Kind
    reason: str
    """Why, in words that follow "because"."""
    classes: tuple[str, ...]
    """Names of the classes, or of the labels of which an example may have several, in their order; () in a regression."""
    whole: bool
    """Whether all labels are whole numbers, so that 1.0 is the class 1."""

    @property
    def has_two(self) -> bool:
        """Whether an example is of one of two classes."""
        return self.kind == "classification" and len(self.classes) == 2


def understand(labels: Sequence[Any], kind: Kind | None, parsing: Parsing) -> Labels:
    """Decide what a column of labels means.

    A column with a label that is no number has classes; ``True`` is no number. Of numbers, fractions make a regression,
    and whole numbers of many values do: more than :data:`FEW` different ones, with fewer than :data:`FEW` rows each.
    (With ``parsing.kind = "decimals"`` a decimal point does, be it in 1.0, and the type in typed files.)

    Args:
        labels: of the training set, as they were read.
        kind: what the user asked for; None lets the labels decide.
        parsing: the rules.
    """
    # Each label once: a long column has few.
    different = list({(type(label), label): label for label in labels}.values())
    numbers = [number_of(label) for label in different]
    values = parsing.kind == "values"
    whole = values and all(number is not None and number.is_integer() for number in numbers)
    found, reason = _kind_of(different, numbers, parsing, len(labels))
    if kind is not None:
        found, reason = kind, "that was asked for"
    if found == "regression":
        return Labels(found, reason, (), whole)
    return Labels(found, _with_spelling(reason, different, whole), classes_of(different, whole=whole), whole)


def _with_spelling(reason: str, labels: Sequence[Any], whole: bool) -> str:
    """The reason, which may end in a fix behind a semicolon, with a label whose class has another name: 1.0 is called 1."""
    for label in labels:
        if (name := class_name(label, whole=whole)) != str(label):
            why, semicolon, fix = reason.partition(";")
            return f"{why} ({label} is called {name}){semicolon}{fix}"
    return reason


def _kind_of(labels: Sequence[Any], numbers: Sequence[float | None], parsing: Parsing, rows: int) -> tuple[Kind, str]:
    word = next((label for label, number in zip(labels, numbers, strict=True) if number is None), None)
    if word is not None:
        return "classification", f"labels such as {shown(str(word)[:40])} are not numbers"
    if parsing.kind == "decimals":
        point = next((label for label in labels if has_decimals(label)), None)
        if point is None:
            return "classification", "the labels are whole numbers; for amounts give --kind regression"
        return "regression", f"labels such as {point} have a decimal point; for classes give --kind classification"
    fraction = next(
        (label for label, number in zip(labels, numbers, strict=True) if not float(number or 0).is_integer()), None
    )
    if fraction is not None:
        return "regression", f"labels such as {fraction} are fractions; for classes give --kind classification"
    different = len({class_name(label, whole=True) for label in labels})
    if different <= max(FEW, rows / FEW):
        return (
            "classification",
            f"the labels are whole numbers of {different} values; for amounts give --kind regression",
        )
    values = f"{different} values in {rows} rows" if different < rows else "a value of its own in every row"
    return "regression", f"the labels are whole numbers of {values}; for classes give --kind classification"


def check_labels(table: Table, column: str, meaning: Labels, *, asked: bool) -> None:
    """Refuse a column that hardly holds labels: numbers and words mixed, or a class for nearly every row.

    Numbers and words may be mixed in a file without types where the numbers are few, as in ``1``, ``2``, ``3+``.

    Args:
        table: of the training set.
        column: of the labels.
        meaning: what they were taken for.
        asked: whether the user said what they are.

    Raises:
        UserError: names file, row and label.
    """
    values = table.column(column)
    known = {(type(value), value): number_of(value) is None for value in values}
    is_word = np.fromiter((known[type(value), value] for value in values), np.bool_, count=len(values))
    numbers = [value for value, word in zip(values, is_word, strict=True) if not word]
    if numbers and is_word.any():
        has_types = any(not isinstance(value, str) for _, value in known)
        if has_types or (not asked and understand(numbers, None, Parsing()).kind == "regression"):
            raise _mixed(table, column, is_word)
    if meaning.kind == "classification":
        _check_classes(table, column, meaning)


def like_ids(column: str, targets: NDArray[Any], meaning: Labels) -> list[str]:
    """A warning of labels that were taken for amounts and look like ids, or numbers of rows: whole, and hardly two alike.

    Amounts may look so, too (prices, in few rows), therefore they are not refused.

    Args:
        column: of the labels.
        targets: of the whole file, (rows,).
        meaning: of the labels, as they decided themselves.
    """
    if meaning.kind != "regression" or not meaning.whole:
        return []
    different, rows = len(np.unique(targets)), len(targets)
    if different < ID_LIKE * rows:
        return []
    return [
        f"warning: the labels in column {column!r} look like ids or numbers of rows: whole numbers, {different:,} different "
        f"ones in {rows:,} rows. They are taken for amounts to predict; if they are none, name the column of the label with "
        "--label (if they are, --kind regression says so)"
    ]


def _mixed(table: Table, column: str, is_word: NDArray[np.bool_]) -> UserError:
    most_are_words = bool(is_word.mean() > 0.5)
    index = int(np.argmax(is_word != most_are_words))
    one, others = ("a number", "words") if most_are_words else ("a word", "numbers")
    return UserError(
        f"{table.where(index)}: label {table.column(column)[index]!r} in column {column!r} is {one}, and "
        f"{max(is_word.sum(), len(is_word) - is_word.sum())} of the {len(is_word)} labels are {others}; write all of them in one "
        "way, or remove the rows"
    )


def _check_classes(table: Table, column: str, meaning: Labels) -> None:
    count, rows = len(meaning.classes), len(table)
    few = count > FEW and count > rows / 2
    if not few and count <= MOST_CLASSES:
        return
    # The first label that is one too many for any table shows where to look.
    seen: dict[str, int] = {}
    for position, value in enumerate(table.column(column)):
        seen.setdefault(class_name(value, whole=meaning.whole), position)
        if len(seen) > FEW:
            break
    name, index = list(seen.items())[-1]
    amounts = all(number_of(each) is not None for each in meaning.classes)
    raise UserError(
        f"{table.path}, column {column!r}: {count:,} classes in {rows:,} rows, such as {name!r} (row {table.rows[index]}), "
        f"{'which is fewer than two rows a class' if few else f'and at most {MOST_CLASSES:,} are possible'}; "
        f"{'for amounts give --kind regression, else ' if amounts else ''}name the column of the label with --label"
    )
