"""The rows of a table a part at a time, so that a table of any size is answered in the memory of one part."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from seedproof.errors import UserError, is_out_of_memory, unknown
from seedproof.tasks.columns import Table, require_columns
from seedproof.tasks.delimited import DELIMITERS, OTHERS, UNQUOTED
from seedproof.tasks.parsing import Quoting
from seedproof.tasks.reading import EXTENSIONS, kind_of_file, missing_file, read_table

PART = 1024
"""Rows of a part."""
MOST_CHARACTERS = 2**24
"""Characters of one field; a field that is longer is a quote that was never closed."""

Row = tuple[int, Sequence[Any]]
"""Number of a row in its file, as messages have it, and its values in the order of the wanted columns."""


def read_parts(
    path: Path, wanted: Sequence[str], *, quoting: Quoting = "standard", size: int = PART
) -> Iterator[Table]:
    """Read the wanted columns of a file, ``size`` rows at a time; only a JSON file is read whole, which has no lines.

    Raises:
        UserError: as :func:`seedproof.tasks.reading.read_table`, when the row is reached.
    """
    extension, compressed = kind_of_file(path)
    if not path.is_file():
        raise UserError(f"{path} is a folder, not a file with examples") if path.is_dir() else missing_file(path)
    if extension not in EXTENSIONS or (compressed and extension == ".parquet"):
        raise unknown("kind of file", path.suffix, EXTENSIONS, where=str(path))
    if extension == ".json":
        yield read_table(path, wanted)
        return
    rows = (
        _parquet(path, wanted, size)
        if extension == ".parquet"
        else _lines(path, wanted, extension, compressed, quoting)
    )
    is_empty = True
    while part := list(itertools.islice(rows, size)):
        is_empty = False
        columns = {name: [values[position] for _, values in part] for position, name in enumerate(wanted)}
        yield Table(path, columns, [number for number, _ in part])
    if is_empty:
        raise UserError(f"{path} is empty: it has no rows of data")


def _lines(path: Path, wanted: Sequence[str], extension: str, compressed: bool, quoting: Quoting) -> Iterator[Row]:
    """Rows of a file of lines."""
    try:
        with (gzip.open if compressed else open)(path, "rb") as file:
            start = file.read(2)
        encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        with (gzip.open if compressed else open)(path, "rt", encoding=encoding, newline="") as text:
            yield from (
                _records(path, text, wanted)
                if extension not in DELIMITERS
                else _delimited(path, text, wanted, DELIMITERS[extension], quoting)
            )
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte 0x{error.object[error.start]:02x} is not UTF-8; convert the file to UTF-8"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file: {error}; make it anew") from None


def _delimited(path: Path, text: TextIO, wanted: Sequence[str], usual: str, quoting: Quoting) -> Iterator[Row]:
    number, first = 1, text.readline()
    while first and not first.strip():
        number, first = number + 1, text.readline()
    if not first:
        return
    headers = {delimiter: _fields([first], delimiter, quoting) for delimiter in (usual, *OTHERS)}
    delimiter = next((each for each, names in headers.items() if set(wanted) <= set(names)), usual)
    names = headers[delimiter]
    require_columns(path, wanted, names)
    positions = [names.index(name) for name in wanted]
    if quoting == "none":
        parsed: Iterator[tuple[int, list[str]]] = _unquoted(text, delimiter, number)
    else:
        parsed = _quoted(path, text, delimiter, number)
    for row, fields in parsed:
        if len(fields) < len(names) and not any(map(str.strip, fields)):
            continue  # a blank line; a row whose fields are blank is a row, which would be missed
        if len(fields) != len(names):
            amount = "few" if len(fields) < len(names) else "many"
            raise UserError(
                f"{path}, row {row}: too {amount} fields, found {len(fields)} where {len(names)} are needed; {UNQUOTED}"
            )
        yield row, [fields[position] for position in positions]


def _fields(lines: Iterable[str], delimiter: str, quoting: Quoting) -> list[str]:
    """Fields of one line; none where its quotes do not fit."""
    if quoting == "none":
        return next(iter(lines)).rstrip("\r\n").split(delimiter)
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _unquoted(text: TextIO, delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text, start=before + 1):
        yield number, line.rstrip("\r\n").split(delimiter)


def _quoted(path: Path, text: TextIO, delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    usual = csv.field_size_limit(MOST_CHARACTERS)  # the whole process's, so it is put back between rows
    try:
        while True:
            row = before + reader.line_num + 1
            csv.field_size_limit(MOST_CHARACTERS)
            fields = next(reader, None)
            csv.field_size_limit(usual)
            if fields is None:
                return
            yield row, fields
    except csv.Error as error:
        raise UserError(f"{path}, row {row}: {error}; is a double quote missing? {UNQUOTED.capitalize()}") from None
    finally:
        csv.field_size_limit(usual)


def _records(path: Path, text: TextIO, wanted: Sequence[str]) -> Iterator[Row]:
    is_first = True
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, row {number}: not JSON ({error})") from None
        if not isinstance(value, dict):
            raise UserError(f"{path}, row {number}: a JSON object is needed, found {line.strip()[:40]}")
        if is_first:
            require_columns(path, wanted, list(value))
            is_first = False
        yield number, [value.get(name) for name in wanted]


def _parquet(path: Path, wanted: Sequence[str], size: int) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        with path.open("rb") as opened:  # pyarrow would take a path with a colon for an address
            file = parquet.ParquetFile(io.BufferedReader(opened))
            require_columns(path, wanted, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=size, columns=list(wanted)):
                columns = [batch.column(name).to_pylist() for name in wanted]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield number, values
    except UserError:
        raise
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"{path} is not a Parquet file that can be read: {error}") from None
