"""Cells of a column as texts, class indices, regression targets or labels, naming file and row of every cell that is bad.

A cell is missing when it is absent, null, an empty or blank string, or not a number (NaN); a label is also missing when
it is the word "nan" in any case, which is how a NaN is written into a CSV.
"""

from __future__ import annotations

import decimal
import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.columns import Table
from seedproof.tasks.parsing import Parsing
from seedproof.tasks.split import Kind

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]+")

FEW = 20
"""Different whole numbers that are taken for classes in any table; in a longer one as many as have this many rows each."""


MOST_CLASSES = 1_000
"""Classes of a table: each run has a table of confusion of so many rows and columns."""


def texts_of(table: Table, column: str, *, allow_empty: bool = False) -> tuple[str, ...]:
    """The texts in ``column``.

    Raises:
        UserError: no such column, a text that is missing, or a value that is not a string.
    """
    values = table.column(column)
    for index, value in enumerate(values):
        if _is_missing(value):
            if not (allow_empty and isinstance(value, str)):
                more = sum(map(_is_missing, values[index + 1 :]))
                raise UserError(
                    f"{table.where(index)}: column {column!r} has no text{_and_more(more)}; fill it in or remove the row"
                )
        elif not isinstance(value, str):
            raise UserError(f"{table.where(index)}: column {column!r} has {value!r}, which is not a text")
    return tuple(values)


def labels_of(table: Table, column: str, *, what: str = "label") -> Sequence[Any]:
    """The labels in ``column`` as they were read; ``what`` they are called in messages.

    Raises:
        UserError: no such column, a label that is missing, or a value that is neither a string nor a number.
    """
    values = table.column(column)
    for index, value in enumerate(values):
        if _is_missing(value) or (isinstance(value, str) and value.strip().lower() == "nan"):
            more = sum(map(_is_missing, values[index + 1 :]))
            raise UserError(
                f"{table.where(index)}: column {column!r} has no {what}{_and_more(more)}; fill it in or remove the row"
            )
        if isinstance(value, (list, tuple, dict, set)):
            raise UserError(
                f"{table.where(index)}: column {column!r} has {value!r}, several labels of one text, and other rows have one; "
                "write a list in each row, or one label in each"
            )
        if not isinstance(value, str | bool | int | float | decimal.Decimal):
            raise UserError(f"{table.where(index)}: {what} {value!r} is neither a string nor a number")
    return values


def names_of(table: Table, column: str) -> tuple[str, ...]:
    """What ``column`` calls the example of each row, or what it belongs to.

    Raises:
        UserError: no such column, a cell that is missing, or a value that is neither a string nor a number.
    """
    return tuple(class_name(value) for value in labels_of(table, column, what="value"))


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
        point = next((label for label in labels if _has_decimals(label)), None)
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


def _has_decimals(label: Any) -> bool:
    return not _INTEGER.fullmatch(label) if isinstance(label, str) else not isinstance(label, int)


def class_name(label: Any, *, whole: bool = False) -> str:
    """Name of a label as a class: a string as it is, and a whole number stored as a float without its ``.0``.

    With ``whole`` also one that is written with a decimal point or an exponent, as a CSV has it: "1.0" is "1".
    """
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if whole and _has_decimals(label) and (number := number_of(label)) is not None and number.is_integer():
        return str(int(number))
    return str(label)


def shown(name: str) -> str:
    """Name of a class for a line of text: in quotes where blanks at its ends or characters in it would not be seen."""
    return name if name.isprintable() and name == name.strip() and name else repr(name)


def classes_of(labels: Iterable[Any], *, whole: bool = False) -> tuple[str, ...]:
    """Class names in their order: by number where all are numbers, else by name (code points)."""
    names = {class_name(label, whole=whole) for label in labels}
    numbers = {name: number for name in names if (number := number_of(name)) is not None}
    if len(numbers) == len(names):
        return tuple(sorted(names, key=lambda name: (numbers[name], name)))
    return tuple(sorted(names))


def class_indices(table: Table, column: str, classes: Sequence[str], *, whole: bool = False) -> NDArray[np.int64]:
    """Position of each row's label in ``classes``, (n,).

    Raises:
        UserError: a label is missing, or is not one of the classes: names file, row, value and the nearest class.
    """
    positions = {name: index for index, name in enumerate(classes)}
    values = labels_of(table, column)
    known = {(type(value), value): positions.get(class_name(value, whole=whole), -1) for value in values}
    indices = np.fromiter((known[type(value), value] for value in values), np.int64, count=len(values))
    if (indices < 0).any():
        index = int(np.argmax(indices < 0))
        raise unknown_label(table, index, column, class_name(values[index], whole=whole), classes)
    return indices


def unknown_label(table: Table, index: int, column: str, name: str, classes: Sequence[str]) -> UserError:
    """Build the error for a label that the training file does not have."""
    close = difflib.get_close_matches(name, classes, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
    return UserError(f"{table.where(index)}: unknown label {name!r} in column {column!r}{hint} (classes: {listed})")


def targets_of(table: Table, column: str) -> NDArray[np.float64]:
    """Regression targets, (n,).

    Raises:
        UserError: a label is missing, not a number or not finite: names file, row and value.
    """
    targets: list[float] = []
    for index, value in enumerate(labels_of(table, column)):
        number = number_of(value)
        if number is None:
            raise UserError(f"{table.where(index)}: target {value!r} in column {column!r} is not a number")
        if not math.isfinite(number):
            raise UserError(f"{table.where(index)}: target {value!r} in column {column!r} is not finite")
        targets.append(number)
    return np.array(targets, dtype=np.float64)


def single_precision(targets: NDArray[Any]) -> NDArray[np.float64]:
    """Round to float32 and give the shortest decimal that names the result: 3.8 stays 3.8."""
    return targets.astype(np.float32).astype(str).astype(np.float64)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _and_more(rows: int) -> str:
    return f" (nor have {rows} more rows)" if rows > 1 else " (nor has 1 more row)" if rows else ""


def number_of(value: Any) -> float | None:
    """The number that ``value`` is or spells; None where it is something else (``True`` is no number)."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
