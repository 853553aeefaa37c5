"""Several labels of one example: from a column for each label, or from one column that lists them.

A column of its own holds yes or no in each row. One column holds the labels of each row between separators, or as a list in a
file with types; a blank cell, or an empty list, is an example that has none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.cells import check_unicode, labels_of
from seedproof.tasks.classes import class_name, classes_of, unknown_label
from seedproof.tasks.columns import Table

_YES, _NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")


def has_lists(values: Iterable[Any]) -> bool:
    """Whether the first cell of a column holds a list of labels."""
    return isinstance(next(iter(values), None), list | tuple)


def of_columns(table: Table, columns: Sequence[str]) -> NDArray[np.int64]:
    """1 where a row has a label, (n, columns).

    Raises:
        UserError: no such column, or a cell that is neither yes nor no.
    """
    return np.stack([_yes_or_no(table, column) for column in columns], axis=1)


def _yes_or_no(table: Table, column: str) -> NDArray[np.int64]:
    found = np.empty(len(table), np.int64)
    for index, value in enumerate(labels_of(table, column)):
        word = str(value).strip().lower()
        if word not in (*_YES, *_NO):
            raise UserError(
                f"{table.where(index)}: column {column!r} has {value!r}, where a label of its own column needs 1 or 0, true or "
                "false, yes or no"
            )
        found[index] = word in _YES
    return found


def listed(table: Table, column: str, separator: str | None) -> list[tuple[str, ...]]:
    """The labels of each row, without blanks around them.

    Args:
        table: of the examples.
        column: that lists them.
        separator: between them; None: the cells are lists.

    Raises:
        UserError: no such column, a cell that is no list, or a label that is neither a string nor a number.
    """
    rows = []
    for index, value in enumerate(table.column(column)):
        if separator is None:
            if not isinstance(value, list | tuple):
                raise UserError(
                    f"{table.where(index)}: column {column!r} has {value!r}, and other rows have a list of labels; write a list "
                    "in each row"
                )
            names = [_name(table, index, column, each) for each in value]
        else:
            if value is not None and not isinstance(value, str):
                value = _name(table, index, column, value)
            names = (value or "").split(separator)
        for name in names:
            check_unicode(table, index, column, name)
        rows.append(tuple(dict.fromkeys(name.strip() for name in names if name.strip())))
    return rows


def _name(table: Table, index: int, column: str, value: Any) -> str:
    if not isinstance(value, str | bool | int | float) or value != value:
        raise UserError(f"{table.where(index)}: label {value!r} in column {column!r} is neither a string nor a number")
    return class_name(value)


def names_in(rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All labels, in the order of classes."""
    return classes_of({name for names in rows for name in names})


def of_lists(table: Table, column: str, rows: Sequence[Sequence[str]], labels: Sequence[str]) -> NDArray[np.int64]:
    """1 where a row has a label, (n, labels).

    Raises:
        UserError: a label is not among ``labels``: names file, row and the nearest one.
    """
    positions = {name: index for index, name in enumerate(labels)}
    found = np.zeros((len(rows), len(labels)), np.int64)
    for index, names in enumerate(rows):
        for name in names:
            if name not in positions:
                raise unknown_label(table, index, column, name, labels)
            found[index, positions[name]] = 1
    return found
