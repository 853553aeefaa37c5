"""Labels as classes: how they are called, in which order they stand, and the class of each row."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.cells import labels_of
from seedproof.tasks.columns import Table
from seedproof.tasks.targets import number_of

_INTEGER = re.compile(r"[+-]?[0-9]+")


def class_name(label: Any, *, whole: bool = False) -> str:
    """Name of a label as a class: a string as it is, and a whole number stored as a float without its ``.0``.

    With ``whole`` also one that is written with a decimal point or an exponent, as a CSV has it: "1.0" is "1".
    """
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if whole and has_decimals(label) and (number := number_of(label)) is not None and number.is_integer():
        return str(int(number))
    return str(label)


def has_decimals(label: Any) -> bool:
    """Whether a label is written with a decimal point or an exponent, or of another type than whole numbers."""
    return not _INTEGER.fullmatch(label) if isinstance(label, str) else not isinstance(label, int)


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


def names_of(table: Table, column: str) -> tuple[str, ...]:
    """What ``column`` calls the example of each row, or what it belongs to.

    Raises:
        UserError: no such column, a cell that is missing, or a value that is neither a string nor a number.
    """
    return tuple(class_name(value) for value in labels_of(table, column, what="value"))


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
