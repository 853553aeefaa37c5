"""From cells of a column to texts, class indices or regression targets, naming file and row of every cell that is bad.

A cell is missing when it is absent, null, an empty or blank string, or not a number (NaN); a label is also missing when
it is the word "nan" in any case, which is how a NaN is written into a CSV.
"""

from __future__ import annotations

import decimal
import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.reading import Table

Kind = Literal["classification", "regression"]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]+")


def texts_of(table: Table, column: str, *, allow_empty: bool = False) -> tuple[str, ...]:
    """The texts in ``column``.

    Raises:
        UserError: no such column, a text that is missing, or a value that is not a string.
    """
    values = table.column(column)
    for index, value in enumerate(values):
        if _is_missing(value):
            if not (allow_empty and isinstance(value, str)):
                raise UserError(f"{table.place(index)}: column {column!r} has no text; fill it in or remove the row")
        elif not isinstance(value, str):
            raise UserError(f"{table.place(index)}: column {column!r} has {value!r}, which is not a text")
    return tuple(values)


def labels_of(table: Table, column: str) -> Sequence[Any]:
    """The labels in ``column`` as they were read.

    Raises:
        UserError: no such column, a label that is missing, or a value that is neither a string nor a number.
    """
    values = table.column(column)
    for index, value in enumerate(values):
        if _is_missing(value) or (isinstance(value, str) and value.strip().lower() == "nan"):
            raise UserError(f"{table.place(index)}: column {column!r} has no label; fill it in or remove the row")
        if not isinstance(value, str | bool | int | float | decimal.Decimal):
            raise UserError(f"{table.place(index)}: label {value!r} is neither a string nor a number")
    return values


def infer_kind(labels: Iterable[Any]) -> Kind:
    """Regression when every label is a number and at least one has a decimal point or exponent; else classification.

    In typed files the type decides: 1.0 stored as a float counts as having a decimal point. So columns of whole
    numbers, and of words, are classes.
    """
    decimals = False
    for label in labels:
        if _number(label) is None:
            return "classification"
        decimals = decimals or (not _INTEGER.fullmatch(label) if isinstance(label, str) else not isinstance(label, int))
    return "regression" if decimals else "classification"


def class_name(label: Any) -> str:
    """Name of a label as a class: a string as it is, and a whole number stored as a float without its ``.0``."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def classes_of(labels: Iterable[Any]) -> tuple[str, ...]:
    """Class names in their order: by number where all are numbers, else by name (code points)."""
    names = {class_name(label) for label in labels}
    numbers = {name: number for name in names if (number := _number(name)) is not None}
    if len(numbers) == len(names):
        return tuple(sorted(names, key=lambda name: (numbers[name], name)))
    return tuple(sorted(names))


def class_indices(table: Table, column: str, classes: Sequence[str]) -> NDArray[np.int64]:
    """Position of each row's label in ``classes``, (n,).

    Raises:
        UserError: a label is missing, or is not one of the classes: names file, row, value and the nearest class.
    """
    positions = {name: index for index, name in enumerate(classes)}
    values = labels_of(table, column)
    indices = np.array([positions.get(class_name(value), -1) for value in values], dtype=np.int64)
    if (indices < 0).any():
        index = int(np.argmax(indices < 0))
        name = class_name(values[index])
        close = difflib.get_close_matches(name, classes, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        listed = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
        raise UserError(f"{table.place(index)}: unknown label {name!r} in column {column!r}{hint} (classes: {listed})")
    return indices


def targets_of(table: Table, column: str) -> NDArray[np.float64]:
    """Regression targets, (n,).

    Raises:
        UserError: a label is missing, not a number or not finite: names file, row and value.
    """
    targets: list[float] = []
    for index, value in enumerate(labels_of(table, column)):
        number = _number(value)
        if number is None:
            raise UserError(f"{table.place(index)}: target {value!r} in column {column!r} is not a number")
        if not math.isfinite(number):
            raise UserError(f"{table.place(index)}: target {value!r} in column {column!r} is not finite")
        targets.append(number)
    return np.array(targets, dtype=np.float64)


def single_precision(targets: NDArray[Any]) -> NDArray[np.float64]:
    """Round to float32 and give the shortest decimal that names the result: 3.8 stays 3.8."""
    return targets.astype(np.float32).astype(str).astype(np.float64)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float | None:
    """The number that ``value`` is or spells; None where it is something else (``True`` is no number)."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
