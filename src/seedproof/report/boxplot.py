"""Box plot of a study with every run drawn, as Figure 1 of the paper: first its table, then its pixels.

One panel per task and model, one box per recipe. A failed run differs from a successful one in shape and in fill as
well as in colour, so the figure survives grayscale and colour-blind readers (colours: Okabe and Ito 2008).
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.analysis.runs import came_to_end
from seedproof.analysis.summary import CELL, summarize
from seedproof.report import wording
from seedproof.report.figures.style import DARK, GRAY, GRID, LIGHT, POINTS, VERMILION, filled, point_mark, run_links
from seedproof.report.figures.writing import drawable, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RUN = ("seed", "score", "outcome", "offset")
_COUNTS = ("runs", "finished", "failed", "diverged")
_BOX = ("lower_whisker", "lower_quartile", "median", "upper_quartile", "upper_whisker", "mean")
COLUMNS = (*CELL, "metric", "positive_class", "majority", *_RUN, *_COUNTS, *_BOX, "run", "stopped")
"""Columns of the table: one row per finished run, the counts and the numbers of its box repeated in each."""

_STRIP = 0.1
"""Fraction of a panel's height kept free at the bottom for runs that have no score."""
SMALLEST_BOX = 5
"""Runs from which on a cell has a box: quartiles and whiskers of fewer are the runs themselves, or between two of them."""
_MEAN: dict[str, Any] = {"marker": "D", "s": 26, "facecolor": "white", "edgecolor": DARK, "linewidth": 1.1}
_BOX_STYLE: dict[str, Any] = {
    "boxprops": {"facecolor": LIGHT, "edgecolor": GRAY, "linewidth": 0.9},
    "whiskerprops": {"color": GRAY, "linewidth": 0.9},
    "capprops": {"color": GRAY, "linewidth": 0.9},
    "medianprops": {"color": DARK, "linewidth": 2.0},
    "zorder": 2,
}
_SMALL: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7.5}
_BESIDE: dict[str, Any] = _SMALL | {"xycoords": ("axes fraction", "data"), "va": "center"}
_ABOVE: dict[str, Any] = _SMALL | {"ha": "center", "va": "bottom", "color": DARK}
_COUNT: dict[str, Any] = {"va": "center", "fontsize": 7.5, "color": VERMILION}
_WIDEST, _CHARACTER = 15.0, 0.068
"""Inches: the widest figure that is still readable on a page or a screen; a character of a recipe's label."""


def box_plot_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The numbers of the figure, from the table of :func:`seedproof.analysis.runs_table`.

    Returns:
        Columns ``COLUMNS``. ``offset`` in [-0.5, 0.5] moves a run's point aside; it follows from the rank of its score
        alone. Quartiles are interpolated linearly, whiskers reach the furthest score within 1.5 times the distance of
        the quartiles. A diverged run has no score, and then neither has its cell a box, a mean or a median: they are
        NaN. Nor has a cell of fewer than :data:`SMALLEST_BOX` runs a box. A cell without a finished run has one row without
        a seed.

    Raises:
        UserError: as :func:`seedproof.analysis.summarize`, or there is no run at all.
    """
    summary = summarize(runs, resamples=1)  # none of its intervals is drawn
    wording.settings_of(summary)
    ids = _ids(runs)
    rows: list[dict[str, Any]] = []
    for cell in wording.records(summary):
        scores = np.array(cell["values"], dtype=np.float64)
        kept = (*CELL, "metric", "positive_class", "majority", *_COUNTS, "stopped", "mean", "median")
        shared = {name: cell[name] for name in kept} | _box(scores)
        drawn = zip(cell["seeds"], cell["values"], cell["outcomes"], _offsets(scores), strict=True)
        points = [dict(zip(_RUN, point, strict=True)) for point in drawn]
        key = tuple(cell[name] for name in CELL)
        rows += [
            shared | point | {"run": next(ids.get((*key, point["seed"]), iter(())), None)}
            for point in points or [{"seed": None, "score": math.nan, "outcome": None}]
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw_box_plot(table: pd.DataFrame, path: str | Path) -> Path:
    """Draw the table of :func:`box_plot_table` and write the figure to ``path`` (whole or not at all).

    Returns:
        ``path``.

    Raises:
        UserError: the suffix of ``path`` is not one of ``SUFFIXES``, or its folder does not exist.
    """
    shown = drawable(table, COLUMNS[:-2], "the box plot")  # one from elsewhere may lack the runs' ids and the stopped
    return write_figure(lambda: _figure(shown), path, {})


def _ids(runs: pd.DataFrame) -> dict[tuple[Any, ...], Iterator[str]]:
    """The ids of the finished runs of a task, model, recipe and seed, in their order."""
    finished = came_to_end(runs)
    return {key: iter(list(ids)) for key, ids in finished.groupby([*CELL, "seed"], sort=False)["run"]}


def _box(scores: NDArray[np.float64]) -> dict[str, float]:
    names = ("lower_whisker", "lower_quartile", "upper_quartile", "upper_whisker")
    if len(scores) < SMALLEST_BOX or not np.isfinite(scores).all():
        return dict.fromkeys(names, math.nan)
    lower, upper = np.percentile(scores, [25, 75])
    reach = 1.5 * (upper - lower)
    inside = scores[(scores >= lower - reach) & (scores <= upper + reach)]
    # Interpolated quartiles can lie outside every score within reach; a whisker never points into its box.
    whiskers = min(inside.min(), lower), max(inside.max(), upper)
    return dict(zip(names, map(float, (whiskers[0], lower, upper, whiskers[1])), strict=True))


def _offsets(scores: NDArray[np.float64]) -> list[float]:
    """Steps of the golden ratio by rank: neighbours in score lie far apart (a Weyl sequence, no random numbers)."""
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
    return [float(offset) for offset in (0.5 + ranks * (math.sqrt(5) - 1) / 2) % 1 - 0.5]


def _figure(table: pd.DataFrame) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    tasks, models = table["task"].unique().tolist(), table["model"].unique().tolist()
    boxes = int(table.groupby(["task", "model"])["recipe"].nunique().max())
    width = max(2.7, 0.85 * boxes + 1.0)  # inches
    across = filled(len(tasks) * len(models), int(_WIDEST / width), prefer=len(models))
    down = math.ceil(len(tasks) * len(models) / across)
    size = max(across * width, 5.0), 3.0 * down + 0.5
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
    panels = iter(figure.subplots(down, across, squeeze=False).flat)
    limits = {task: _limits(rows) for task, rows in table.groupby("task")}
    for task, model in ((task, model) for task in tasks for model in models):
        axes = next(panels)
        axes.set_title(f"{task}\n{model}", loc="left", pad=16)
        axes.set_ylim(*limits[task])
        rows = table[(table["task"] == task) & (table["model"] == model)]
        _panel(axes, rows, label_width=int((size[0] / across - 0.9) / boxes / _CHARACTER))
    for axes in panels:  # what is left of the grid
        axes.set_axis_off()
    columns = 2 if size[0] < 8 else 6
    figure.legend(handles=_legend(table), loc="outside lower center", ncols=columns, frameon=False, fontsize=8)
    return figure


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Limits of a task's score axis, the same for all its models, with the strip where there are diverged runs."""
    drawn = np.concatenate([rows["score"], rows["majority"]])
    drawn = drawn[np.isfinite(drawn)]
    low, high = (float(drawn.min()), float(drawn.max())) if len(drawn) else (0.0, 1.0)
    margin = 0.07 * (high - low) or 0.05
    low, high = low - margin, high + margin
    return low - (_STRIP / (1 - _STRIP) * (high - low) if rows["diverged"].any() else 0), high


def _panel(axes: Axes, rows: pd.DataFrame, *, label_width: int) -> None:
    judged = rows[rows["metric"].notna()]
    axes.set_ylabel(wording.metric(rows))
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if len(judged):
        majority = float(judged["majority"].iloc[0])
        axes.axhline(majority, color=GRAY, linestyle=(0, (5, 3)), linewidth=1.1, zorder=1.5)
        axes.annotate(wording.number(majority), (1, majority), (3, 0), **_BESIDE, color=GRAY)
    if rows["diverged"].any():
        low, high = axes.get_ylim()
        edge = low + _STRIP * (high - low)
        axes.axhspan(low, edge, facecolor=LIGHT, edgecolor="none", zorder=0)
        axes.set_yticks([tick for tick in axes.get_yticks() if edge < tick <= high])
        axes.annotate("diverged", (1, (low + edge) / 2), (3, 0), **_BESIDE, color=VERMILION)
    cells = [cell for _, cell in rows.groupby("recipe", sort=False)]
    for position, cell in enumerate(cells):
        _cell(axes, position, cell)
    axes.set_xlim(-0.6, len(cells) - 0.4)
    axes.set_xticks(
        range(len(cells)),
        [_wrapped(wording.recipe_in_words(cell["recipe"].iloc[0]), label_width) for cell in cells],
        fontsize=7,
    )
    axes.tick_params(axis="x", length=0)


def _cell(axes: Axes, position: int, cell: pd.DataFrame) -> None:
    """One box with its runs; ``position`` is its place on the x axis."""
    first = cell.iloc[0]
    count = f"{first['failed']}/{first['finished']} failed" if first["finished"] else "none finished"
    count += f"\n{first['stopped']} stopped" if first.get("stopped", 0) else ""
    axes.annotate(count, (position, 1), (0, 3), xycoords=("data", "axes fraction"), **_ABOVE)
    if math.isfinite(first["lower_quartile"]):
        names = {"lower_whisker": "whislo", "lower_quartile": "q1", "median": "med", "upper_quartile": "q3"}
        numbers = {short: first[name] for name, short in (names | {"upper_whisker": "whishi"}).items()}
        axes.bxp([numbers], positions=[position], widths=0.62, showfliers=False, patch_artist=True, **_BOX_STYLE)
    if first["finished"] > 1 and math.isfinite(first["mean"]):
        axes.scatter([position], [first["mean"]], zorder=3, **_MEAN)  # under the runs: it must not hide one
    for outcome, style in POINTS.items():
        runs = cell[cell["outcome"] == outcome]
        across = position + 0.46 * runs["offset"]
        if outcome == "diverged":
            # In the strip below the scores, at a height that means nothing: these runs have no score.
            heights, transform = np.full(len(runs), _STRIP / 2), axes.get_xaxis_transform()
            axes.scatter(across, heights, transform=transform, zorder=4, urls=run_links(runs), **style)
            if len(runs):
                axes.annotate(str(len(runs)), (position + 0.27, _STRIP / 2), xycoords=transform, **_COUNT)
        else:
            axes.scatter(across, runs["score"], zorder=4, urls=run_links(runs), **style)


def _legend(table: pd.DataFrame) -> list[Any]:
    """What the marks mean; a mark that the figure does not have is left out."""
    from matplotlib.lines import Line2D

    labels = {
        "succeeded": "succeeded",
        "majority": "failed: not better than majority",
        "diverged": "failed: diverged, no score",
    }
    present = set(table["outcome"].dropna())
    handles: list[Any] = [point_mark(POINTS[outcome], label) for outcome, label in labels.items() if outcome in present]
    if (table["mean"].notna() & (table["finished"] > 1)).any():
        handles.append(point_mark(_MEAN, "mean"))
    if table["lower_quartile"].notna().any():
        handles.append(Line2D([], [], color=DARK, linewidth=2, label="median"))
    if ((table["finished"] > 0) & (table["finished"] < SMALLEST_BOX)).any():
        handles.append(Line2D([], [], linestyle="none", label=f"no box of fewer than {SMALLEST_BOX} runs"))
    majority = Line2D([], [], color=GRAY, linestyle=(0, (5, 3)), linewidth=1.1, label="majority score")
    return [*handles, majority]


def _wrapped(label: str, width: int) -> str:
    """Break a recipe's label where it reads well: after a comma, a bracket or a hyphen, else after an equals sign."""
    lines = [""]
    for piece in re.findall(r".+?(?:[,(]\s*|-(?=[a-z])|$)", label):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    fitting = [[line] if len(line.rstrip()) <= width else re.findall(r".+?(?:=|$)", line) for line in lines]
    return "\n".join(part for line in fitting for piece in line for part in textwrap.wrap(piece, max(width, 16)))
