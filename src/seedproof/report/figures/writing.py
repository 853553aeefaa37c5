"""How a figure becomes a file: what its table must have, its style, and its numbers as CSV beside it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.errors import UserError
from seedproof.printable import printable_line
from seedproof.report.figures.style import STYLE
from seedproof.store import write_atomically, write_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".png", ".svg")
"""What a figure can be written as."""

PAGE_WIDTH, _STRETCH = 10.6, 1.5
"""Inches of a report's page: a drawing for it (SVG) is made wider than one for print, up to this, by this much at most."""

_ALSO: ContextVar[tuple[str, ...]] = ContextVar("also", default=())


@contextmanager
def also_as(*suffixes: str) -> Iterator[None]:
    """Context in which every figure is also written under these suffixes, such as ``.pdf``, beside the one that is asked for."""
    token = _ALSO.set(suffixes)
    try:
        yield
    finally:
        _ALSO.reset(token)


def write_figure(make: Callable[[], Figure], path: str | Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Make a figure in our style and write it to ``path`` (whole or not at all), its numbers as CSV beside it.

    Args:
        make: makes the figure.
        path: its suffix says the kind.
        tables: the table "" goes to ``path`` with ``.csv`` behind, any other with ``.<its name>.csv`` behind.

    Returns:
        ``path``.

    Raises:
        UserError: the suffix of ``path`` is not one of ``SUFFIXES``, or its folder does not exist.
    """
    import matplotlib

    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"cannot draw a figure to {path}: its name must end in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"cannot draw a figure to {path}: there is no folder {path.parent}")
    dates = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}  # a date would change the bytes of equal figures
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # A browser finds a font for every script; a PDF shows a box, and the table beside it has the name.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure = make()
        width = figure.get_figwidth()
        for suffix in dict.fromkeys([path.suffix, *_ALSO.get()]):
            content, kind = io.BytesIO(), suffix.lower()
            figure.set_figwidth(min(max(width, PAGE_WIDTH), _STRETCH * width) if kind == ".svg" else width)
            figure.savefig(content, format=kind.removeprefix("."), dpi=200, metadata=dates.get(kind))
            write_atomically(path.with_suffix(suffix), content.getvalue())
    for name, table in tables.items():
        ending = f".{name}.csv" if name else ".csv"
        write_table(path.with_name(path.name + ending), table)
    return path


def drawable(table: pd.DataFrame, columns: Iterable[str], what: str) -> pd.DataFrame:
    """``table`` with texts that can be drawn (no control characters: an SVG file cannot hold them).

    Raises:
        UserError: it has no row, or lacks one of ``columns``.
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(f"the table of {what} has no column {', '.join(missing)}; it has {', '.join(table.columns)}")
    if table.empty:
        raise UserError(f"there is nothing to draw: the table of {what} has no row")
    texts = {
        name: column.map(lambda cell: printable_line(cell) if isinstance(cell, str) else cell)
        for name, column in table.items()
        if column.dtype.kind not in "biufc"
    }
    return table.assign(**texts) if texts else table  # type: ignore[arg-type]
