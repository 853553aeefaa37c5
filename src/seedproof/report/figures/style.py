"""What every figure has in common: colours, the look of an outcome, panels and legends.

A failed run differs from a successful one in the shape of its mark and in the dashes of its line as well as in colour,
so that figures survive grayscale and colour-blind readers (colours: Okabe and Ito 2008).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def in_lines(text: object, length: int = 44) -> str:
    """A title over a panel, in at most two lines, as recipes often differ in their last words alone."""
    return "\n".join(textwrap.wrap(str(text), length, max_lines=2, placeholder="…"))


def shortened(text: object, length: int = 44) -> str:
    """A label that fits over a panel; the table beside the figure has it whole."""
    words = " ".join(str(text).split())
    return words if len(words) <= length else words[: length - 1] + "…"
