"""JSON Lines, JSON and Parquet: files of records, whose values have types."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, is_out_of_memory
from seedproof.tasks.columns import Table, require_columns

_SHAPES = "a list of records, columns of equal length, or one record per line"


def read_json_lines(path: Path, text: str, wanted: Sequence[str]) -> Table:
    """Read one JSON object per line; blank lines are skipped.

    Raises:
        UserError: a line that is no object, or no such column.
    """
    # Only line feeds end a line: a text may hold the other characters that str.splitlines breaks at.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    records = []
    for number, line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, row {number}: not JSON ({error})") from None
        if not isinstance(value, dict):
            raise UserError(f"{path}, row {number}: a JSON object is needed, found {line[:40]}")
        records.append(value)
    return _of_records(path, records, [number for number, _ in lines], wanted)


def read_json(path: Path, text: str, wanted: Sequence[str]) -> Table:
    """Read a JSON file: a list of records, also under a single key, columns as pandas writes them, or JSON Lines.

    Raises:
        UserError: it is none of these, or there is no such column.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if str(error).startswith("Extra data"):  # a second value behind the first one
            return read_json_lines(path, text, wanted)
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


def read_parquet(path: Path, data: bytes, wanted: Sequence[str]) -> Table:
    """Read a Parquet file.

    Raises:
        UserError: it cannot be read, or there is no such column.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(io.BytesIO(data)).read()  # takes columns of one name, too
        names = table.column_names
        require_columns(path, wanted, names)
        columns = {name: table.column(names.index(name)).to_pylist() for name in wanted or names}
    except UserError:
        raise
    except (pyarrow.ArrowException, ValueError, OverflowError, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"{path} is not a Parquet file that can be read: {error}") from None
    return Table(path, columns, range(1, table.num_rows + 1))


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
