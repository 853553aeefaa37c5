"""Files as columns, with the number of the line that each row began on, so that every message can name it.

CSV and TSV are read with the standard quoting (a field in double quotes may hold delimiters, line ends and doubled
quotes) and need a header. GLUE's TSV has no quoting at all: a double quote is a character like any other, and reading
it with quotes silently joins rows. JSONL is one object per line. Text is UTF-8, with or without a byte-order mark.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, unknown

DELIMITERS = {".csv": ",", ".tsv": "\t"}
EXTENSIONS = (".csv", ".tsv", ".jsonl", ".parquet")
"""Kinds of files that :func:`read_table` knows."""


@dataclass(frozen=True)
class Table:
    """Rows of a file by column."""

    path: Path
    columns: Mapping[str, Sequence[Any]]
    """Each (n,); None stands for a value that is absent."""
    rows: Sequence[int]
    """Per row, its number in the file: the line it begins on, or the row's number from 1 in Parquet."""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Sequence[Any]:
        """The values of one column.

        Raises:
            UserError: no such column; names the nearest one and lists all.
        """
        return self.columns[require_column(self.path, name, self.columns)]

    def place(self, index: int) -> str:
        """Where row ``index`` stands, for messages."""
        return f"{self.path}, row {self.rows[index]}"


def require_column(path: Path, name: str, columns: Sequence[str] | Mapping[str, Any]) -> str:
    """Give back ``name``, or raise the :class:`UserError` for a column that ``path`` does not have."""
    if name in columns:
        return name
    close = difflib.get_close_matches(name, list(columns), n=1, cutoff=0.7)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UserError(f"{path} has no column {name!r}{hint} (its columns: {', '.join(columns)})")


def read_table(path: Path) -> Table:
    """Read a CSV, TSV, JSONL or Parquet file, chosen by its extension.

    Raises:
        UserError: no such file, another extension, bytes that are not UTF-8, a row that does not fit, no rows.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file with examples")
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise unknown("kind of file", path.suffix, EXTENSIONS, where=str(path))
    if extension == ".parquet":
        table = _read_parquet(path)
    elif extension == ".jsonl":
        table = _read_jsonl(path)
    else:
        table = _read_delimited(path, DELIMITERS[extension])
    return _not_empty(table)


def read_unquoted(
    path: Path, wanted: Sequence[str], *, header: Sequence[str] | None = None, skip_damaged: bool = False
) -> tuple[Table, list[int]]:
    """Read columns of a tab-separated file without quoting, as GLUE's are.

    Args:
        path: the file.
        wanted: names of the columns to keep.
        header: names of all columns of a file that does not begin with them.
        skip_damaged: leave out rows with a wrong number of fields instead of raising.

    Returns:
        The columns, and the numbers of the rows that were left out.

    Raises:
        UserError: as :func:`read_table`.
    """
    lines = _lines(read_utf8(path))
    if not lines:
        raise _empty(path)
    first = 0 if header else 1
    names = list(header) if header else lines[0].split("\t")
    positions = [names.index(require_column(path, name, names)) for name in wanted]
    kept: list[list[str]] = [[] for _ in wanted]
    rows: list[int] = []
    damaged: list[int] = []
    for number, line in enumerate(lines[first:], start=first + 1):
        fields = line.split("\t")
        if len(fields) != len(names):
            if not skip_damaged:
                raise _wrong_width(path, number, len(fields), len(names))
            damaged.append(number)
            continue
        rows.append(number)
        for values, position in zip(kept, positions, strict=True):
            values.append(fields[position])
    table = Table(path, dict(zip(wanted, kept, strict=True)), rows)
    return _not_empty(table), damaged


def read_utf8(path: Path) -> str:
    """Read a text file.

    Raises:
        UserError: it cannot be read, or a byte is not UTF-8: names the row and the byte.
    """
    data = _read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind a byte-order mark, which it has taken off by then.
        offset = error.start + len(data) - len(error.object)
        row = data.count(b"\n", 0, offset) + 1
        raise UserError(
            f"{path}, row {row}: byte 0x{data[offset]:02x} at offset {offset} is not UTF-8; convert the file to UTF-8"
        ) from None


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None


def missing_file(path: Path) -> UserError:
    """Build the error for a file that does not exist: it names the nearest one beside it."""
    if not path.parent.is_dir():
        return UserError(f"there is no file {path}: its folder does not exist")
    close = difflib.get_close_matches(path.name, sorted(entry.name for entry in path.parent.iterdir()), n=1, cutoff=0.7)
    hint = f"; did you mean {path.parent / close[0]}?" if close else ""
    return UserError(f"there is no file {path}{hint}")


def _lines(text: str) -> list[str]:
    """Split at line feeds only: a text may hold the other characters that ``str.splitlines`` breaks at."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _read_delimited(path: Path, delimiter: str) -> Table:
    # newline="" leaves line ends inside quoted fields as they are.
    reader = csv.reader(io.StringIO(read_utf8(path), newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    while True:
        begin = reader.line_num + 1
        try:
            rows.append((begin, next(reader)))
        except StopIteration:
            break
        except csv.Error as error:
            raise UserError(f"{path}, row {begin}: {error}; is a double quote missing?") from None
    while rows and not rows[-1][1]:
        rows.pop()
    names = rows.pop(0)[1] if rows else []
    if len(set(names)) != len(names):
        raise UserError(f"{path}: the header names a column twice ({', '.join(names)}); rename one")
    for number, fields in rows:
        if len(fields) != len(names):
            raise _wrong_width(path, number, len(fields), len(names))
    columns = {name: [fields[position] for _, fields in rows] for position, name in enumerate(names)}
    return Table(path, columns, [number for number, _ in rows])


def _read_jsonl(path: Path) -> Table:
    objects: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(read_utf8(path)), start=1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, row {number}: not JSON ({error})") from None
        if not isinstance(value, dict):
            raise UserError(f"{path}, row {number}: a JSON object is needed, found {line[:40]}")
        objects.append(value)
    names = dict.fromkeys(name for value in objects for name in value)
    columns = {name: [value.get(name) for value in objects] for name in names}
    return Table(path, columns, range(1, len(objects) + 1))


def _read_parquet(path: Path) -> Table:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(_read_bytes(path)))
    except pyarrow.ArrowException as error:
        raise UserError(f"{path} is not a Parquet file that can be read: {error}") from None
    columns = {name: table[name].to_pylist() for name in table.column_names}
    return Table(path, columns, range(1, table.num_rows + 1))


def _wrong_width(path: Path, row: int, found: int, expected: int) -> UserError:
    amount = "few" if found < expected else "many"
    return UserError(f"{path}, row {row}: too {amount} fields, found {found} where {expected} are needed")


def _not_empty(table: Table) -> Table:
    if not len(table):
        raise _empty(table.path)
    return table


def _empty(path: Path) -> UserError:
    return UserError(f"{path} is empty: it has no rows of data")
