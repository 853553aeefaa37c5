"""A file of examples as columns, with the number of the line that each row began on, so that every message can name it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedproof.errors import UserError

LISTED = 20
"""Columns that a message lists."""


@dataclass(frozen=True)
class Table:
    """Rows of a file by column."""

    path: Path
    columns: Mapping[str, Sequence[Any]]
    """Each (n,); None stands for a value that is absent. Only those asked for, where some were."""
    rows: Sequence[int]
    """Number of each row in the file: the line it begins on, or the row's number from 1 in Parquet and in a JSON list."""
    notes: tuple[str, ...] = ()
    """What was decided in reading the file: its delimiter, its encoding, lines that were left out or joined."""
    damaged: tuple[int, ...] = ()
    """Numbers of the rows that were left out because they have a wrong number of fields."""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Sequence[Any]:
        """The values of one column.

        Raises:
            UserError: no such column; names the nearest one and lists all.
        """
        require_columns(self.path, [name], list(self.columns))
        return self.columns[name]

    def where(self, index: int) -> str:
        """Where row ``index`` stands, for messages."""
        return f"{self.path}, row {self.rows[index]}"


def require_columns(path: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    """Check that every wanted column is there, and there once; the others may share names.

    Raises:
        UserError: a column is missing (names the nearest one), or two have its name.
    """
    for name in wanted:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            headless = (
                "" if close or set(wanted) & set(names) else "; has it a header? The first line must name the columns"
            )
            raise UserError(f"{path} has no column {name!r}{hint} (its columns: {listed(names)}){headless}")
        if list(names).count(name) > 1:
            raise UserError(f"{path}: the header names the column {name!r} twice; rename one")


def listed(names: Sequence[str]) -> str:
    """Names for a message: a file without a header has whole texts in their place, and a wide one hundreds."""
    short = [name if len(name) <= 40 else f"{name[:37]}..." for name in names[:LISTED]]
    return ", ".join(short) + (f", ... {len(names)} in all" if len(names) > LISTED else "")


def not_empty(table: Table) -> Table:
    """Give back a table that has rows.

    Raises:
        UserError: it has none.
    """
    if not len(table):
        raise UserError(f"{table.path} is empty: it has no rows of data")
    return table
