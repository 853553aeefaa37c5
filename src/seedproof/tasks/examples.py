"""The rows of a user's table as examples: what their labels mean, their texts, labels, ids and groups."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks import several
from seedproof.tasks.cells import labels_of, texts_of
from seedproof.tasks.classes import class_indices, names_of
from seedproof.tasks.columns import Table
from seedproof.tasks.labels import MOST_CLASSES, Labels, check_labels, understand
from seedproof.tasks.parsing import Parsing
from seedproof.tasks.roles import Columns
from seedproof.tasks.split import Kind, Split, check_varied
from seedproof.tasks.targets import targets_of


def meaning_of(table: Table, columns: Columns, kind: Kind | None, rules: Parsing) -> Labels:
    """What the labels of the training file mean.

    Args:
        table: of the training set.
        columns: which of its columns hold what.
        kind: that was asked for; None lets the labels decide.
        rules: of parsing.

    Raises:
        UserError: they hardly are labels, or not of the kind; names the file and column.
    """
    (first, *others), separator = columns.labels, columns.separator
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
    return _meaning_of_lists(table, columns)


def _meaning_of_lists(table: Table, columns: Columns) -> Labels:
    separator = columns.separator
    names = several.names_in(several.listed(table, columns.labels[0], separator))
    if len(names) > MOST_CLASSES:
        raise UserError(
            f"{columns.where(table.path)}: {len(names):,} labels in {len(table):,} rows, and at most {MOST_CLASSES:,} are "
            "possible; is the separator the one between labels?"
        )
    if len(names) < 2:
        found = f"only the label {names[0]!r}" if names else "no label"
        raise UserError(f"{columns.where(table.path)}: {found} in {len(table)} rows; at least two labels are needed")
    why = "its labels are lists" if separator is None else f"its labels are separated by {separator!r}"
    return Labels("multi-label", why, names, False)


def examples_of(table: Table, columns: Columns, meaning: Labels) -> Split:
    """The rows of a file as examples.

    Raises:
        UserError: a cell that cannot be used, two ids that are alike, or the same label in every row.
    """
    examples = Split(
        texts_of(table, columns.text),
        None if columns.pair is None else texts_of(table, columns.pair),
        _labels(table, columns, meaning),
        None if columns.id is None else _distinct_ids(table, columns.id),
        None if columns.group is None else names_of(table, columns.group),
    )
    check_varied(examples.labels, meaning.classes, columns.where(table.path))
    return examples


def _labels(table: Table, columns: Columns, meaning: Labels) -> NDArray[Any]:
    first, *others = columns.labels
    if others:
        return several.of_columns(table, columns.labels)
    if meaning.kind == "multi-label":
        return several.of_lists(table, first, several.listed(table, first, columns.separator), meaning.classes)
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


def refuse_shared(table: Table, dev_table: Table, train: Split, dev: Split, columns: Columns) -> None:
    """Refuse a development file with a group that the training file has, too.

    Raises:
        UserError: names a row of each.
    """
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
