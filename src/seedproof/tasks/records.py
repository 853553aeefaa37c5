"""JSON Lines, JSON and Parquet: files of records, whose values have types."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from seedproof.errors import UserError, is_out_of_memory
from seedproof.tasks.columns import Table, require_columns

BATCH = 10_000
"""Rows of a Parquet file that are read at a time."""
_SHAPES = "a list of records, columns of equal length, or one record per line"


def read_json_lines(path: Path, lines: Iterable[str], wanted: Sequence[str], most: int | None = None) -> Table:
    """Read one JSON object per line; blank lines are skipped.

    Raises:
        UserError: a line that is no object, or no such column.
    """
    names: dict[str, None] = {}
    kept: list[dict[str, Any]] = []
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    rows = array("q")
    for number, record in json_rows(path, lines):
        if most is not None and len(rows) == most:
            break
        names |= dict.fromkeys(record)
        rows.append(number)
        if not wanted:
            kept.append(record)
        for name, values in columns.items():
            values.append(record.get(name))
    if len(rows):
        require_columns(path, wanted, list(names))
    return Table(path, columns or {name: [record.get(name) for record in kept] for name in names}, rows)


def json_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and object of each line that is not blank.

    Raises:
        UserError: a line that is no object, when it is reached.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _object(path, number, line)


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}, row {number}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}, row {number}: a JSON object is needed, found {line.rstrip()[:40]}")
    return value


def read_json(path: Path, text: str, wanted: Sequence[str]) -> Table:
    """Read a JSON file: a list of records, also under a single key, columns as pandas writes them, or JSON Lines.

    Raises:
        UserError: it is none of these, or there is no such column.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if str(error).startswith("Extra data"):  # a second value behind the first one
            return read_json_lines(path, text.split("\n"), wanted)
        raise UserError(f"{path} is not JSON ({error})") from None
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := next(iter(value.values())), list):
        value = inner
    if isinstance(value, dict) and value and not any(isinstance(column, (dict, list)) for column in value.values()):
        value = [value]
    if isinstance(value, list):
        wrong = next((position for position, record in enumerate(value, 1) if not isinstance(record, dict)), None)
        if wrong is not None:
            raise UserError(f"{path}, row {wrong}: a JSON object is needed, found {json.dumps(value[wrong - 1])[:40]}")
        return _of_records(path, value, range(1, len(value) + 1), wanted)
    return _of_columns(path, value, wanted)


def read_parquet(path: Path, file: IO[bytes], wanted: Sequence[str], most: int | None = None) -> Table:
    """Read a Parquet file.

    Raises:
        UserError: it cannot be read, or there is no such column.
    """
    columns: dict[str, list[Any]] = {}
    for batch in parquet_batches(path, file, wanted, BATCH):
        for name, values in batch.items():
            columns.setdefault(name, []).extend(values)
        count = max(map(len, columns.values()), default=0)
        if most is not None and count >= most:
            break
    return Table(path, columns, range(1, count + 1))


def parquet_batches(path: Path, file: IO[bytes], wanted: Sequence[str], size: int) -> Iterator[dict[str, list[Any]]]:
    """The columns of a Parquet file, some rows at a time, at most ``size``; the first batch has none.

    Raises:
        UserError: it cannot be read, or there is no such column.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        names = table.schema_arrow.names
        require_columns(path, wanted, names)
        kept = list(wanted) or names
        yield {name: [] for name in kept}
        for batch in table.iter_batches(size, columns=kept):
            yield {name: batch.column(name).to_pylist() for name in kept}
    except UserError:
        raise
    except (pyarrow.ArrowException, ValueError, KeyError, OverflowError, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"{path} is not a Parquet file that can be read: {error}") from None


def _of_records(path: Path, records: Sequence[Mapping[str, Any]], rows: Sequence[int], wanted: Sequence[str]) -> Table:
    names = list(dict.fromkeys(name for record in records for name in record))
    if records:
        require_columns(path, wanted, names)
    return Table(path, {name: [record.get(name) for record in records] for name in wanted or names}, rows)


def _of_columns(path: Path, value: Any, wanted: Sequence[str]) -> Table:
    """A mapping of columns: lists of one length, or pandas' ``{"0": ..., "1": ...}`` with the same keys."""
    if not isinstance(value, dict):
        raise UserError(f"{path}: {_SHAPES} is needed, found {json.dumps(value)[:40]}")
    columns = {name: list(column.values()) if isinstance(column, dict) else column for name, column in value.items()}
    keys = {tuple(column) if isinstance(column, dict) else None for column in value.values()}
    if any(not isinstance(column, list) for column in columns.values()) or len(keys) > 1:
        raise UserError(f"{path}: {_SHAPES} is needed, found an object with {', '.join(list(value)[:5])}")
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in list(columns.items())[:5])
        raise UserError(f"{path}: its columns have different lengths ({lengths})")
    require_columns(path, wanted, list(columns))
    length = len(next(iter(columns.values()), []))
    return Table(path, {name: columns[name] for name in wanted or columns}, range(1, length + 1))
