"""A user's own table as a task: ``load_table("reviews.csv", text="review", label="stars")``.

The label column decides what the task is (:func:`seedproof.tasks.labels.understand`): numbers with fractions, or whole
numbers of many values, make a regression; anything else makes a classification, with the classes found in the training
file. ``kind`` overrides that. Several columns of labels, or one that lists them, make a multi-label task. Without a
development file a fifth of the rows is held out, stratified by label, copies of a text, and groups, in one part. What was
decided, and why, stands in the task's ``data_report`` and notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError, unknown
from seedproof.tasks import several
from seedproof.tasks.base import Task
from seedproof.tasks.cells import labels_of, texts_of
from seedproof.tasks.classes import class_indices, names_of, shown
from seedproof.tasks.columns import Table, listed
from seedproof.tasks.holding_out import divide
from seedproof.tasks.labels import MOST_CLASSES, Labels, check_labels, understand
from seedproof.tasks.metrics import default_metric, rare_class
from seedproof.tasks.parsing import Parsing, Quoting, check_quoting
from seedproof.tasks.reading import read_table, stem
from seedproof.tasks.split import Kind, Split, check_varied
from seedproof.tasks.targets import targets_of

JUDGED_BY = "judged by "
"""Begins the note that says which metric was chosen, and why."""

SCARCE = 5
"""Examples of a class below which that is said."""
NAMED = 6
"""Classes that a note names."""


METRICS_OF: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy",),
    "multi-label": ("micro_f1", "macro_f1", "accuracy"),
    "regression": ("pearson", "spearman"),
}
"""What is recorded of each kind of table, the first one judges; with two classes F1 and Matthews correlation, too."""


def load_table(
    path: str | Path,
    *,
    text: str | None,
    label: str | Sequence[str] | None,
    text_pair: str | None = None,
    dev: str | Path | None = None,
    kind: Kind | None = None,
    split_seed: int = 0,
    name: str | None = None,
    metric: str | None = None,
    quoting: str | None = None,
    parsing: Parsing | None = None,
    label_separator: str | None = None,
    group: str | None = None,
    id: str | None = None,
) -> Task:
    """Load a CSV, TSV, JSON Lines, JSON or Parquet file.

    Args:
        path: training examples; CSV and TSV need a header. See :func:`seedproof.tasks.reading.read_table`.
        text: column of the (first) text.
        label: column of the label; several columns, with yes or no in each, make a multi-label task.
        text_pair: column of the second text, for pairs.
        dev: development examples with the same columns; None holds out 20 % of ``path``.
        kind: ``"classification"``, ``"regression"`` or ``"multi-label"``; None lets the label column decide.
        split_seed: draws the rows that are held out.
        name: of the task; None takes the file's name without extension (its folder's, if that is ``train``).
        metric: that judges it, see :data:`seedproof.tasks.METRICS`; None: accuracy, or Matthews correlation where a class
            is rare; micro F1 of several labels; Pearson's correlation in a regression.
        quoting: of a CSV or TSV: ``"none"`` where a double quote is a character like any other; None is ``"standard"``.
        parsing: the rules; None takes today's. A study that is extended gives those of its stored task.
        label_separator: between the labels of one text in the one column of labels, which makes a multi-label task. A file
            with types needs none: its cells are lists.
        group: column of what an example belongs to (a document, a person); no group is in both parts.
        id: column of what an example is called; no two of a file are called alike.

    Returns:
        The task. Its classes are sorted by name, by value if all are numbers. Beside what judges it, it records accuracy,
        and with two classes F1 (of the second) and Matthews; of several labels micro and macro F1; in a regression Pearson
        and Spearman.

    Raises:
        UserError: a file, column or row that cannot be used; the message names it.
    """
    path, rules, quotes = Path(path), parsing or Parsing(), check_quoting(quoting)
    if kind is not None and kind not in get_args(Kind):
        raise unknown("kind", kind, get_args(Kind))
    if dev is not None and Path(dev).resolve() == path.resolve():
        raise UserError(f"{dev} is the training file itself: give other examples, or none to hold out 20 %")
    labels = (label,) if isinstance(label, str) else tuple(label or ())
    if text is None or not labels:
        raise _unnamed(path, "text" if text is None else "label", quotes)
    columns = _Columns(text, text_pair, labels, group, id)
    columns.check(path, kind, label_separator)
    table = read_table(path, columns.names, quoting=quotes)
    meaning = _understood(table, columns, kind, label_separator, rules)
    train = _split(table, columns, meaning, label_separator)
    check_varied(train.labels, meaning.classes, columns.where(path))
    notes = list(table.notes)
    if dev is None:
        division = divide(
            train, meaning.kind, split_seed, together=rules.copies == "together", where=columns.where_divided(path)
        )
        train, development = train.take(~division.held), train.take(division.held)
        notes.append(division.note)
    else:
        dev_table = read_table(Path(dev), columns.names, quoting=quotes)
        development = _split(dev_table, columns, meaning, label_separator)
        check_varied(development.labels, meaning.classes, columns.where(Path(dev)))
        _refuse_shared(table, dev_table, train, development, columns)
        notes += dev_table.notes
    metrics = METRICS_OF[meaning.kind] + (("f1", "matthews") if meaning.has_two else ())
    notes += _scarce(train, development, meaning)
    if metric is None and (rare := rare_class(development.labels, meaning.classes)):
        notes.append(_why_matthews(development.labels, *rare))
    again = partial(
        load_table,
        path,
        text=text,
        label=label,
        text_pair=text_pair,
        dev=dev,
        kind=kind,
        split_seed=split_seed,
        name=name,
        quoting=quoting,
        metric=metric,
        label_separator=label_separator,
        group=group,
        id=id,
    )
    return Task(
        name=name or table_name(path),
        train=train,
        dev=development,
        classes=meaning.classes,
        metrics=metrics,
        notes=tuple(notes),
        reason=meaning.reason,
        parsing=rules,
        parse=lambda rules: again(parsing=rules),
        metric=metric or default_metric(development.labels, meaning.classes, metrics),
    )


def table_name(path: Path) -> str:
    """Name of the task in a file, where none is given."""
    return path.resolve().parent.name or stem(path) if stem(path) == "train" else stem(path)


@dataclass(frozen=True)
class _Columns:
    """Which columns of a table hold what."""

    text: str
    pair: str | None
    labels: tuple[str, ...]
    group: str | None
    id: str | None

    @property
    def names(self) -> list[str]:
        """All of them."""
        others = [name for name in (self.group, self.id) if name is not None]
        return [self.text, *([] if self.pair is None else [self.pair]), *self.labels, *others]

    def where(self, path: Path) -> str:
        """The columns of the labels in a file, for messages."""
        named = ", ".join(map(repr, self.labels))
        return f"{path}, column{'s' if len(self.labels) > 1 else ''} {named}"

    def where_divided(self, path: Path) -> str:
        """The file, with the column of the groups by which it is divided, for messages."""
        return str(path) if self.group is None else f"{path}, column {self.group!r}"

    def check(self, path: Path, kind: str | None, separator: str | None) -> None:
        """Refuse a column with two parts, and labels that are not of the kind."""
        if len(set(self.names)) != len(self.names):
            raise UserError(
                f"{path}: text, text pair, labels, group and id must be different columns, found {', '.join(self.names)}"
            )
        is_several = len(self.labels) > 1 or separator is not None
        if len(self.labels) > 1 and separator is not None:
            raise UserError(
                f"{path}: --label-separator is for one column of labels, found {len(self.labels)}; leave one of both out"
            )
        if separator == "":
            raise UserError(f"{path}: --label-separator is empty; give what stands between two labels, such as ;")
        if is_several and kind not in (None, "multi-label"):
            raise UserError(
                f"{path}: several labels of one text are no {kind}; leave out --kind, or give one label column"
            )


def _unnamed(path: Path, option: str, quoting: Quoting) -> UserError:
    table = read_table(path, quoting=quoting, most=1000)
    names = listed(list(table.columns))
    return UserError(f"{table.path}: say which column holds the {option}, --{option} COLUMN (its columns: {names})")


def _understood(table: Table, columns: _Columns, kind: Kind | None, separator: str | None, rules: Parsing) -> Labels:
    """What the labels of the training file mean."""
    first, *others = columns.labels
    if others:
        return Labels("multi-label", f"it has {len(columns.labels)} columns of labels", columns.labels, False)
    has_lists = separator is None and several.has_lists(table.column(first))
    if separator is None and not has_lists:
        if kind == "multi-label":
            raise UserError(
                f"{columns.where(table.path)}: its cells are no lists; give --label-separator with what stands between two "
                "labels, or a --label for each column that holds one"
            )
        meaning = understand(labels_of(table, first), kind, rules)
        if rules.labels == "checked":
            check_labels(table, first, meaning, asked=kind is not None)
        return meaning
    names = several.names_in(several.listed(table, first, separator))
    if len(names) > MOST_CLASSES:
        raise UserError(
            f"{columns.where(table.path)}: {len(names):,} labels in {len(table):,} rows, and at most {MOST_CLASSES:,} are "
            "possible; is the separator the one between labels?"
        )
    if len(names) < 2:
        found = f"only the label {names[0]!r}" if names else "no label"
        raise UserError(f"{columns.where(table.path)}: {found} in {len(table)} rows; at least two labels are needed")
    why = "its labels are lists" if has_lists else f"its labels are separated by {separator!r}"
    return Labels("multi-label", why, names, False)


def _split(table: Table, columns: _Columns, meaning: Labels, separator: str | None) -> Split:
    return Split(
        texts_of(table, columns.text),
        None if columns.pair is None else texts_of(table, columns.pair),
        _labels(table, columns, meaning, separator),
        None if columns.id is None else _distinct_ids(table, columns.id),
        None if columns.group is None else names_of(table, columns.group),
    )


def _labels(table: Table, columns: _Columns, meaning: Labels, separator: str | None) -> NDArray[Any]:
    first, *others = columns.labels
    if others:
        return several.of_columns(table, columns.labels)
    if meaning.kind == "multi-label":
        return several.of_lists(table, first, several.listed(table, first, separator), meaning.classes)
    if meaning.kind == "regression":
        return targets_of(table, first)
    return class_indices(table, first, meaning.classes, whole=meaning.whole)


def _distinct_ids(table: Table, column: str) -> tuple[str, ...]:
    names = names_of(table, column)
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if (other := first.setdefault(name, index)) != index:
            raise UserError(
                f"{table.where(index)}: the id {name!r} in column {column!r} is row {table.rows[other]}'s, too; give each row "
                "its own"
            )
    return names


def _refuse_shared(table: Table, dev_table: Table, train: Split, dev: Split, columns: _Columns) -> None:
    """Refuse a development file with a group that the training file has, too."""
    if train.groups is None or dev.groups is None:
        return
    first = {name: index for index, name in reversed(list(enumerate(train.groups)))}
    shared = [index for index, name in enumerate(dev.groups) if name in first]
    if shared:
        name = dev.groups[shared[0]]
        count = len({dev.groups[index] for index in shared})
        more = f" (and {count - 1} more groups)" if count > 1 else ""
        raise UserError(
            f"{dev_table.where(shared[0])}: the group {name!r} in column {columns.group!r} is that of "
            f"{table.where(first[name])}, too{more}; a group must stand in one of the files: remove its rows from the other"
        )


def _scarce(train: Split, dev: Split, meaning: Labels) -> list[str]:
    """A warning of classes of which there are hardly any examples."""
    if not meaning.classes:
        return []
    counts = {}
    for index, name in enumerate(meaning.classes):
        of_it = [
            int((split.labels[:, index] if split.labels.ndim == 2 else split.labels == index).sum())
            for split in (train, dev)
        ]
        if sum(of_it) < SCARCE:
            counts[name] = " + ".join(map(str, of_it))
    if not counts:
        return []
    named = ", ".join(f"{shown(name)} {count}" for name, count in list(counts.items())[:NAMED])
    more = f" and {len(counts) - NAMED} more" if len(counts) > NAMED else ""
    what = "labels" if meaning.kind == "multi-label" else "classes"
    return [
        f"warning: {len(counts)} of {len(meaning.classes)} {what} have fewer than {SCARCE} examples (training + development: "
        f"{named}{more}): too few to learn them, or to say whether they were learned"
    ]


def _why_matthews(labels: NDArray[Any], rare: str, fraction: float) -> str:
    constant = np.bincount(labels).max() / len(labels)
    return (
        f"{JUDGED_BY}Matthews correlation, because the class {rare!r} is rare ({fraction:.1%} of the development set): a "
        f"prediction that never changes has an accuracy of {constant:.3f}, but always a Matthews correlation of 0; give "
        "--metric accuracy to judge by accuracy"
    )
