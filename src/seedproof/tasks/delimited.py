"""CSV and TSV: with the standard quoting, or with none, as in GLUE's files and many others.

Read with quotes, a file without them silently joins rows: a field that begins with a double quote goes on to the next
one, over line ends. Every such field is therefore said, and what looks like swallowed rows is a warning.
"""

from __future__ import annotations

import csv
import io
import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
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

SHORT = 32
"""Characters of a field of which equal ones are kept once."""
MOST_SAME = 10_000
"""Different short fields that are remembered for that."""

UNQUOTED = "if double quotes are plain characters here, give --quoting none"


MOST_CHARACTERS = 2**24
"""Characters of a field of a file that is not kept; one that is longer is a quote that was never closed."""


@dataclass(frozen=True)
class _Row:
    number: int
    """Number of the line that it begins on, from 1."""
    fields: list[str]
    lines: Sequence[str] = ()
    """Its lines as they stand in a file with quotes; more than one where a quoted field holds line ends."""


def read_delimited(
    path: Path,
    lines: Iterable[str],
    wanted: Sequence[str],
    *,
    delimiter: str,
    quoting: Quoting = "standard",
    header: Sequence[str] | None = None,
    skip_damaged: bool = False,
    most: int | None = None,
) -> Table:
    """Read the lines of a CSV or TSV file; see :func:`seedproof.tasks.reading.read_table`.

    Raises:
        UserError: no such column, a row with a wrong number of fields, quotes that do not fit.
    """
    begin, lines = _begin(lines)
    delimiter, notes = (delimiter, []) if header else _delimiter(path, begin, wanted, delimiter, quoting)
    kept = _Kept(path, wanted, delimiter, skip_damaged)
    if header:
        kept.take_names(header)
    with _fields_up_to(2**31 - 1):
        for row in _rows(path, lines, delimiter, quoting):
            if any(map(str.strip, row.fields)):
                kept.take(row)
            if most is not None and len(kept.rows) == most:
                break
    return Table(path, kept.columns, kept.rows, notes=(*notes, *kept.notes()), damaged=tuple(kept.damaged))


def delimited_rows(
    path: Path, lines: Iterable[str], wanted: Sequence[str], *, delimiter: str, quoting: Quoting = "standard"
) -> Iterator[tuple[int, list[str]]]:
    """Number and wanted fields of each row, for a file that is too long to keep; read as :func:`read_delimited` does.

    But a row whose fields are all blank is a row: whoever answers row by row would miss it.

    Raises:
        UserError: as :func:`read_delimited`, when the row is reached.
    """
    begin, lines = _begin(lines)
    delimiter, _ = _delimiter(path, begin, wanted, delimiter, quoting)
    names: list[str] | None = None
    with _fields_up_to(MOST_CHARACTERS):
        for row in _rows(path, lines, delimiter, quoting):
            is_blank = not any(map(str.strip, row.fields))
            if names is None and not is_blank:
                names = row.fields
                require_columns(path, wanted, names)
                positions = [names.index(name) for name in wanted]
            elif names is not None and not (is_blank and len(row.fields) < len(names)):
                if len(row.fields) != len(names):
                    raise _wrong_width(path, row, len(names))
                yield row.number, [row.fields[position] for position in positions]


class _Kept:
    """What is kept of the rows that have been read: the wanted fields, and what is to be said of the others."""

    def __init__(self, path: Path, wanted: Sequence[str], delimiter: str, skip_damaged: bool) -> None:
        self._path, self._wanted, self._delimiter, self._skips = path, wanted, delimiter, skip_damaged
        self._width: int | None = None
        self._fields: list[tuple[int, list[str]]] = []
        """Position and values of each column."""
        self._same: dict[str, str] = {}
        """Short fields that were there before: one string serves all that are equal, such as labels."""
        self._joined, self._swallowed, self._swallowed_lines = array("q"), array("q"), 0
        self.columns: dict[str, list[str]] = {}
        self.rows, self.damaged = array("q"), array("q")
        """Numbers of the rows that are kept, and of those that are left out."""

    def take_names(self, names: Sequence[str]) -> None:
        """The names of all columns."""
        require_columns(self._path, self._wanted, names)
        self._width = len(names)
        self.columns = {name: [] for name in self._wanted or names}
        self._fields = [(list(names).index(name), values) for name, values in self.columns.items()]

    def take(self, row: _Row) -> None:
        """A row that is not blank, the first of which may be the header."""
        if self._width is None:
            self.take_names(row.fields)
            return
        if len(row.fields) != self._width:
            if not self._skips:
                raise _wrong_width(self._path, row, self._width)
            self.damaged.append(row.number)
            return
        self.rows.append(row.number)
        for position, values in self._fields:
            value = row.fields[position]
            if len(value) <= SHORT and (value in self._same or len(self._same) < MOST_SAME):
                value = self._same.setdefault(value, value)
            values.append(value)
        if len(row.lines) > 1:
            self._take_joined(row)

    def _take_joined(self, row: _Row) -> None:
        if all(line.count(self._delimiter) == len(row.fields) - 1 for line in row.lines):
            self._swallowed.append(row.number)
            self._swallowed_lines += len(row.lines)
        else:
            self._joined.append(row.number)

    def notes(self) -> list[str]:
        """Say which rows hold line ends in a quoted field, and warn where all their lines look like rows."""
        notes = []
        if self._swallowed:
            notes.append(
                f"warning: {self._path.name}, row {self._swallowed[0]}: a double quote swallows line ends, and "
                f"{self._swallowed_lines} lines that look like rows became {len(self._swallowed)}; {UNQUOTED}"
            )
        if self._joined:
            notes.append(
                f"{self._path.name}: line ends stand in a quoted field of {len(self._joined)} rows (first in row "
                f"{self._joined[0]})"
            )
        return notes


def _begin(lines: Iterable[str]) -> tuple[str, Iterator[str]]:
    """The first line that is not blank, and all lines."""
    remaining, seen = iter(lines), list[str]()
    for line in remaining:
        seen.append(line)
        if line.strip():
            break
    return seen[-1] if seen else "", itertools.chain(seen, remaining)


def _delimiter(path: Path, begin: str, wanted: Sequence[str], usual: str, quoting: Quoting) -> tuple[str, list[str]]:
    """The extension's delimiter, or the one that gives the wanted columns where the extension's does not."""
    for delimiter in (usual, *OTHERS):
        if set(wanted) <= set(_header(begin, delimiter, quoting)):
            note = f"{path.name}: read with {_NAMES[delimiter]} between the fields"
            return delimiter, [] if delimiter == usual else [note]
    return usual, []


def _header(line: str, delimiter: str, quoting: Quoting) -> list[str]:
    """Fields of the first line; none where its quotes do not fit."""
    try:
        return next((row.fields for row in _rows(Path(), [line], delimiter, quoting)), [])
    except UserError:
        return []


def _rows(path: Path, lines: Iterable[str], delimiter: str, quoting: Quoting) -> Iterator[_Row]:
    if quoting == "none":
        for number, line in enumerate(lines, start=1):
            yield _Row(number, line.removesuffix("\n").removesuffix("\r").split(delimiter))
        return
    taken: list[str] = []
    reader = csv.reader(_tee(lines, taken), delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num
        taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"{path}, row {begin + 1}: {error}; is a double quote missing? {UNQUOTED.capitalize()}"
            ) from None
        yield _Row(begin + 1, fields, taken)


def _tee(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines as the csv module takes them, a carriage return alone also ending one, each noted when it is taken."""
    for line in lines:
        parts = io.StringIO(line, newline="") if "\r" in line[:-2] else (line,)
        for part in parts:
            taken.append(part)
            yield part


def _wrong_width(path: Path, row: _Row, expected: int) -> UserError:
    amount = "few" if len(row.fields) < expected else "many"
    hint = f"; {UNQUOTED}" if len(row.lines) > 1 else ""
    return UserError(
        f"{path}, row {row.number}: too {amount} fields, found {len(row.fields)} where {expected} are needed{hint}"
    )


@contextmanager
def _fields_up_to(most: int) -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters, which is the whole process's, for the length of a block."""
    limit = csv.field_size_limit(most)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
