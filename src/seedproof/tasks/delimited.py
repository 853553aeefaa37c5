"""CSV and TSV: with the standard quoting, or with none, as in GLUE's files and many others.

Read with quotes, a file without them silently joins rows: a field that begins with a double quote goes on to the next
one, over line ends. Every such field is therefore said, and what looks like swallowed rows is a warning.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seedproof.errors import UserError
from seedproof.tasks.columns import Table, require_columns
from seedproof.tasks.parsing import Quoting

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""Delimiters by extension; another one of :data:`OTHERS` is taken where only that gives the wanted columns."""
OTHERS = (",", "\t", ";", "|")
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}

UNQUOTED = "if double quotes are plain characters here, give --quoting none"


@dataclass(frozen=True)
class _Row:
    number: int
    """Number of the line that it begins on, from 1."""
    fields: list[str]
    lines: Sequence[str] = ()
    """Its lines as they stand in a file with quotes; more than one where a quoted field holds line ends."""


def read_delimited(
    path: Path,
    text: str,
    wanted: Sequence[str],
    *,
    delimiter: str,
    quoting: Quoting = "standard",
    header: Sequence[str] | None = None,
    skip_damaged: bool = False,
) -> Table:
    """Read the text of a CSV or TSV file; see :func:`seedproof.tasks.reading.read_table`.

    Raises:
        UserError: no such column, a row with a wrong number of fields, quotes that do not fit.
    """
    delimiter, notes = (delimiter, []) if header else _delimiter(path, text, wanted, delimiter, quoting)
    with _fields_of_any_length():
        rows = [row for row in _rows(path, text, delimiter, quoting) if any(map(str.strip, row.fields))]
    names = list(header) if header else rows.pop(0).fields if rows else []
    if names:
        require_columns(path, wanted, names)
    damaged = [row for row in rows if len(row.fields) != len(names)]
    if damaged and not skip_damaged:
        raise _wrong_width(path, damaged[0], len(names))
    kept = [row for row in rows if len(row.fields) == len(names)]
    positions = {name: names.index(name) for name in wanted or names if names}
    return Table(
        path,
        {name: [row.fields[position] for row in kept] for name, position in positions.items()},
        [row.number for row in kept],
        notes=(*notes, *_joined(path, kept, delimiter)),
        damaged=tuple(row.number for row in damaged),
    )


def _delimiter(path: Path, text: str, wanted: Sequence[str], usual: str, quoting: Quoting) -> tuple[str, list[str]]:
    """The extension's delimiter, or the one that gives the wanted columns where the extension's does not."""
    for delimiter in (usual, *OTHERS):
        if set(wanted) <= set(_header(text, delimiter, quoting)):
            note = f"{path.name}: read with {_NAMES[delimiter]} between the fields"
            return delimiter, [] if delimiter == usual else [note]
    return usual, []


def _header(text: str, delimiter: str, quoting: Quoting) -> list[str]:
    """Fields of the first line that is not blank; none where its quotes do not fit."""
    line = next((line for line in io.StringIO(text) if line.strip()), "")
    try:
        return next((row.fields for row in _rows(Path(), line, delimiter, quoting)), [])
    except UserError:
        return []


def _rows(path: Path, text: str, delimiter: str, quoting: Quoting) -> Iterator[_Row]:
    if quoting == "none":
        # Only line feeds end a row: a text may hold the other characters that str.splitlines breaks at.
        for number, line in enumerate(text.split("\n"), start=1):
            yield _Row(number, line.removesuffix("\r").split(delimiter))
        return
    lines = list(io.StringIO(text, newline=""))  # leaves line ends inside quoted fields as they are
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"{path}, row {begin + 1}: {error}; is a double quote missing? {UNQUOTED.capitalize()}"
            ) from None
        yield _Row(begin + 1, fields, lines[begin : reader.line_num])


def _joined(path: Path, rows: Sequence[_Row], delimiter: str) -> list[str]:
    """Say which rows hold line ends in a quoted field, and warn where all their lines look like rows."""
    joined = [row for row in rows if len(row.lines) > 1]
    swallowed = [row for row in joined if all(line.count(delimiter) == len(row.fields) - 1 for line in row.lines)]
    notes = []
    if swallowed:
        count = sum(len(row.lines) for row in swallowed)
        notes.append(
            f"warning: {path.name}, row {swallowed[0].number}: a double quote swallows line ends, and {count} lines that look "
            f"like rows became {len(swallowed)}; {UNQUOTED}"
        )
    if len(joined) > len(swallowed):
        first = next(row for row in joined if row not in swallowed).number
        notes.append(
            f"{path.name}: line ends stand in a quoted field of {len(joined) - len(swallowed)} rows (first in row {first})"
        )
    return notes


def _wrong_width(path: Path, row: _Row, expected: int) -> UserError:
    amount = "few" if len(row.fields) < expected else "many"
    hint = f"; {UNQUOTED}" if len(row.lines) > 1 else ""
    return UserError(
        f"{path}, row {row.number}: too {amount} fields, found {len(row.fields)} where {expected} are needed{hint}"
    )


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters, which is the whole process's, for the length of a block."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
