"""Labels as numbers: targets of a regression, and what spells a number."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.cells import labels_of
from seedproof.tasks.columns import Table

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.IGNORECASE)


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
