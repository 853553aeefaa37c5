"""The rows of a table a part at a time, so that a table of any size is answered in the memory of one part."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seedproof.errors import UserError
from seedproof.tasks.columns import Table, require_columns
from seedproof.tasks.delimited import DELIMITERS, delimited_rows
from seedproof.tasks.parsing import Quoting
from seedproof.tasks.reading import known_kind, opened, read_table, text_lines
from seedproof.tasks.records import json_rows, parquet_batches

PART = 1024
"""Rows of a part."""

Row = tuple[int, Sequence[Any]]
"""Number of a row in its file, as messages have it, and its values in the order of the wanted columns."""


def read_parts(
    path: Path, wanted: Sequence[str], *, quoting: Quoting = "standard", size: int = PART
) -> Iterator[Table]:
    """Read the wanted columns of a file, ``size`` rows at a time; only a JSON file is read whole, which has no lines.

    Raises:
        UserError: as :func:`seedproof.tasks.reading.read_table`, when the row is reached.
    """
    if known_kind(path)[0] == ".json":
        yield read_table(path, wanted)
        return
    rows, is_empty = _rows(path, wanted, quoting, size), True
    while part := list(itertools.islice(rows, size)):
        is_empty = False
        columns = {name: [values[position] for _, values in part] for position, name in enumerate(wanted)}
        yield Table(path, columns, [number for number, _ in part])
    if is_empty:
        raise UserError(f"{path} is empty: it has no rows of data")


def _rows(path: Path, wanted: Sequence[str], quoting: Quoting, size: int) -> Iterator[Row]:
    extension, compressed = known_kind(path)
    with opened(path, compressed) as file:
        if extension == ".parquet":
            batches = parquet_batches(path, file, wanted, size)
            parts = (zip(*(batch[name] for name in wanted), strict=True) for batch in batches)
            yield from enumerate(itertools.chain.from_iterable(parts), start=1)
        elif extension in DELIMITERS:
            lines = text_lines(path, file)
            yield from delimited_rows(path, lines, wanted, delimiter=DELIMITERS[extension], quoting=quoting)
        else:
            for index, (number, record) in enumerate(json_rows(path, text_lines(path, file))):
                if not index:
                    require_columns(path, wanted, list(record))
                yield number, [record.get(name) for name in wanted]
