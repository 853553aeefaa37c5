"""What every figure has in common: colours, the look of an outcome, and how a figure becomes a file.

A failed run differs from a successful one in the shape of its mark and in the dashes of its line as well as in colour,
so that figures survive grayscale and colour-blind readers (colours: Okabe and Ito 2008).
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError
from seedproof.printable import printable_line
from seedproof.store import write_atomically, write_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".png", ".svg")
"""What a figure can be written as."""

PAGE_WIDTH, _STRETCH = 10.6, 1.5
"""Inches of a report's page: a drawing for it (SVG) is made wider than one for print, up to this, by this much at most."""
BLUE, VERMILION, DARK, GRAY, LIGHT, GRID = "#0072B2", "#D55E00", "#222222", "#6B6B6B", "#EFEFEF", "#E6E6E6"
SERIES = (BLUE, VERMILION, "#009E73", "#CC79A7", "#B8860B", DARK)
"""Colours of things that are not outcomes, such as recipes; each comes with dashes of its own."""
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (8, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
)

POINTS: Mapping[str, dict[str, Any]] = {
    "succeeded": {"marker": "o", "s": 16, "facecolor": BLUE, "edgecolor": "white", "linewidth": 0.4},
    "majority": {"marker": "v", "s": 20, "facecolor": "white", "edgecolor": VERMILION, "linewidth": 1.0},
    "diverged": {"marker": "x", "s": 20, "color": VERMILION, "linewidth": 1.3},
}
"""The mark of a run, by its verdict."""
LINES: Mapping[str, dict[str, Any]] = {
    "succeeded": {"color": BLUE, "linestyle": "-", "linewidth": 1.1},
    "majority": {"color": VERMILION, "linestyle": (0, (4, 1.6)), "linewidth": 1.2},
    "diverged": {"color": VERMILION, "linestyle": (0, (1.2, 1.4)), "linewidth": 1.3},
}
"""The curve of a run, by its verdict."""
LABELS: Mapping[str, str] = {
    "succeeded": "succeeded",
    "majority": "failed: not better than majority",
    "diverged": "failed: diverged",
}

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": DARK,
    "xtick.color": DARK,
    "ytick.color": DARK,
    "text.color": DARK,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "pdf.fonttype": 42,  # fonts that publishers accept
    "svg.fonttype": "none",  # text stays text: it can be read, searched and translated
    "svg.hashsalt": "seedproof",  # the same table gives the same bytes
}


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


def run_links(rows: pd.DataFrame) -> list[str | None]:
    """Addresses of runs in a report, one for each row: in an SVG, a mark that has one is a link to a look into its run."""
    return [f"#run={run}" if isinstance(run, str) else None for run in rows.get("run", [None] * len(rows))]


def verdict(outcome: Any, values: Iterable[float] = ()) -> str:
    """How a run is drawn: ``succeeded``, ``majority`` or ``diverged`` (also where one of its values is not finite)."""
    if outcome == "diverged" or not all(math.isfinite(value) for value in values):
        return "diverged"
    return "succeeded" if outcome == "succeeded" else "majority"


def line_mark(style: Mapping[str, Any], label: str, **more: Any) -> Any:
    """An entry of a legend for a line."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style, **more)


def point_mark(style: Mapping[str, Any], label: str) -> Any:
    """An entry of a legend for a point that :meth:`Axes.scatter` draws with ``style``."""
    from matplotlib.lines import Line2D

    edge = style.get("edgecolor", style.get("color"))
    look: dict[str, Any] = {"marker": style["marker"], "markersize": math.sqrt(style["s"]) * 1.15, "linestyle": ""}
    filled: dict[str, Any] = {"markerfacecolor": style.get("facecolor", edge), "markeredgecolor": edge}
    return Line2D([], [], label=label, markeredgewidth=style["linewidth"], **look, **filled)


def plain_grid(axes: Axes) -> None:
    """Thin horizontal lines behind everything."""
    axes.grid(axis="y", which="major", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(width=0.6)


def one_format(values: Iterable[float]) -> list[str]:
    """Numbers of a scale with one number of decimals: two digits of the smallest, at most 6; else powers of ten.

    >>> one_format([5.67, 0.926, 0.449])
    ['5.67', '0.93', '0.45']
    """
    listed = [float(value) for value in values]
    sizes = [abs(value) for value in listed if value]
    decimals = max(0, 1 - math.floor(math.log10(min(sizes, default=1.0))))
    form = f".{decimals}f" if decimals <= 6 and max(sizes, default=1.0) < 1e6 else ".1e"
    return [format(value, form) for value in listed]


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def log_axis(axes: Axes, name: str) -> None:
    """Make the axis ``x`` or ``y`` logarithmic, its labels plain text: 0.01 where all are short, else 10⁻⁸.

    matplotlib's own labels are formulas, which our figures cannot have: names in them must stay as they are.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    getattr(axes, f"set_{name}scale")("log")
    axis = getattr(axes, f"{name}axis")

    class Decades(LogLocator):
        """Powers of ten, or round numbers where the axis is too short to hold two of them."""

        def tick_values(self, vmin: float, vmax: float) -> Any:
            low, high = sorted((vmin, vmax))
            return MaxNLocator(4).tick_values(low, high) if 0 < high < 10 * low else super().tick_values(vmin, vmax)

    def label(value: float, _position: int | None = None) -> str:
        low, high = sorted(axis.get_view_interval())
        if value <= 0:
            return ""
        if (low >= 9e-4 and high <= 1.1e5) or high < 10 * low:
            return f"{value:g}"
        exponent = math.floor(math.log10(value) + 1e-9)
        factor = value / 10**exponent
        power = f"10{str(exponent).translate(_SUPERSCRIPTS)}"
        return power if abs(factor - 1) < 1e-6 else f"{factor:g}·{power}"

    def between(value: float, position: int | None = None) -> str:
        low, high = sorted(axis.get_view_interval())
        return label(value, position) if 10 * low <= high < 60 * low else ""

    axis.set_major_locator(Decades())
    axis.set_major_formatter(FuncFormatter(label))
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axis.set_minor_formatter(FuncFormatter(between))


def filled(count: int, most: int, *, prefer: int = 1) -> int:
    """How many of ``count`` panels stand in a row of at most ``most``, so that little of the grid stays empty.

    Args:
        count: of panels.
        most: panels that fit beside one another.
        prefer: taken where it fits and is more than one: the rows then mean something.

    >>> filled(3, 2), filled(4, 3), filled(5, 3), filled(6, 4, prefer=2)
    (1, 2, 3, 2)
    """
    most = max(1, min(most, count))
    if 1 < prefer <= most and count % prefer == 0:
        return prefer
    rows = math.ceil(count / most)
    columns = math.ceil(count / rows)
    return 1 if columns == 2 and count == 3 else columns  # of a grid of two by two, a quarter would be empty


def panels(
    count: int, *, across: int, width: float = 3.2, height: float = 2.5, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels in rows of at most ``across``; sizes in inches. What is left of the grid is empty."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = filled(count, across)
    rows = math.ceil(count / columns)
    size = max(columns * width, 4.2), rows * height + 0.5
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.06))
    grid = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid[:count]


def bottom_legend(figure: Figure, handles: list[Any], columns: int | None = None) -> None:
    """A legend under all panels."""
    across = columns or (2 if figure.get_figwidth() < 6 else 4)
    figure.legend(handles=handles, loc="outside lower center", ncols=across, frameon=False, fontsize=8)


def shortened(text: object, length: int = 44) -> str:
    """A label that fits over a panel; the table beside the figure has it whole."""
    words = " ".join(str(text).split())
    return words if len(words) <= length else words[: length - 1] + "…"
