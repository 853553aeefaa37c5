"""Cells of a column as texts or labels, naming file and row of every cell that is bad.

A cell is missing when it is absent, null, an empty or blank string, or not a number (NaN); a label is also missing when
it is the word "nan" in any case, which is how a NaN is written into a CSV.
"""

from __future__ import annotations

import decimal
import json
import math
from collections.abc import Sequence
from typing import Any

from seedproof.errors import UserError
from seedproof.tasks.columns import Table


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
        check_unicode(table, index, column, value)
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
        check_unicode(table, index, column, value)
    return values


def check_unicode(table: Table, index: int, column: str, value: Any) -> None:
    """Refuse half of a surrogate pair, which JSON can escape and nothing can write: a text that was cut within an emoji.

    Raises:
        UserError: names file, row, column and character.
    """
    if isinstance(value, list | tuple | dict):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if not isinstance(value, str) or value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{table.where(index)}: column {column!r} has a lone surrogate, \\u{ord(value[error.start]):04x}, at character "
            f"{error.start}, which is no Unicode text; remove it, or the row"
        ) from None


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _and_more(rows: int) -> str:
    return f" (nor have {rows} more rows)" if rows > 1 else " (nor has 1 more row)" if rows else ""
