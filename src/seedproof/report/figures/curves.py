"""Curves of runs against the step: training loss, score (paper, Figures 2, 8a and 14).

One panel per task, model and recipe that the table tells apart; a curve per run, dashed where the run failed. Long noisy
curves are drawn as means over windows of steps, which the axis says; the table beside the figure has every step.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedproof.report.figures import style
from seedproof.report.figures.axes import log_axis, plain_grid
from seedproof.report.figures.writing import drawable, write_figure
from seedproof.report.wording import recipe_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

COLUMNS = ("run", "seed", "recipe", "outcome", "step", "value")
"""Columns that the table must have; ``task`` and ``model`` make panels of their own."""

_POINTS = 100
"""Points of a curve; a longer one is drawn as means over windows."""


def draw_curves(
    table: pd.DataFrame,
    path: str | Path,
    *,
    y_label: str,
    log: bool = False,
    reference: tuple[str, float] | None = None,
    of: str = "steps",
    each: int = 1,
) -> Path:
    """Draw ``value`` against ``step`` for every run of ``table`` and write the figure to ``path``.

    Args:
        table: columns ``COLUMNS``; ``outcome`` is succeeded, failed or diverged. A value that is not finite makes the
            run a diverged one: its curve ends there with a cross.
        path: a PNG, SVG or PDF file; its numbers go beside it.
        y_label: what the values are, with their unit.
        log: whether the values are on a logarithmic axis.
        reference: label and height of a line across every panel, such as the entropy of the labels.
        of: what there is a value of: ``steps``, or ``evaluations``.
        each: how many of these a value of the longest run stands for already, as their mean.

    Raises:
        UserError: the table is empty or lacks a column, or ``path`` cannot be a figure.
    """
    table = drawable(table, COLUMNS, y_label)
    return write_figure(lambda: _figure(table, y_label, log, reference, of, each), path, {"": table})


def windowed(steps: NDArray[Any], values: NDArray[Any], window: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Means over consecutive windows, at the last step of each; a value that is not finite makes its window so.

    What is left over joins the last window: alone it would be a mean of fewer steps, and a spike.
    """
    if window < 2:
        return steps, values
    starts = np.arange(max(1, len(values) // window)) * window
    ends = np.append(starts[1:], len(values))
    with np.errstate(invalid="ignore"):  # infinity - infinity is the NaN that is wanted
        means = np.add.reduceat(values, starts) / (ends - starts)
    return steps[ends - 1], means


def _figure(
    table: pd.DataFrame, y_label: str, log: bool, reference: tuple[str, float] | None, of: str = "steps", each: int = 1
) -> Figure:
    facets = [name for name in ("task", "model", "recipe") if name in table and table[name].nunique(dropna=False) > 1]
    groups = list(table.groupby(facets, sort=False, dropna=False)) if facets else [((), table)]
    window = max(1, math.ceil(table.groupby("run", sort=False).size().max() / _POINTS))
    width = 5.6 if len(groups) == 1 else 3.4
    figure, all_axes = style.panels(len(groups), across=3, width=width, height=2.6, sharey=True)
    present: dict[str, int] = {}
    for axes, (key, rows) in zip(all_axes, groups, strict=True):
        title = "\n".join(style.in_lines(recipe_in_words(str(part)), 38) for part in key)
        for look in _panel(axes, rows, window, log, reference):
            present[look] = present.get(look, 0) + 1
        axes.set_title(title, loc="left")
        axes.set_xlabel("step")
    unit = f" (means of {'up to ' if each > 1 else ''}{window * each} {of})" if window * each > 1 else ""
    unit += " (logarithmic)" if log else ""
    figure.supylabel(f"{y_label}{unit}", fontsize=9)
    handles = [
        style.line_mark(style.LINES[look], f"{label}, {present[look]} run{'s' if present[look] > 1 else ''}")
        for look, label in style.LABELS.items()
        if look in present
    ]
    if reference:
        handles.append(style.line_mark({"color": style.GRAY, "linestyle": (0, (1, 2)), "linewidth": 1}, reference[0]))
    style.bottom_legend(figure, handles, columns=2 if len(groups) < 3 else 4)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, window: int, log: bool, reference: tuple[str, float] | None) -> list[str]:
    """Draw the runs of a panel; the verdict of each is returned."""
    plain_grid(axes)
    if log:
        log_axis(axes, "y")
    if reference:
        axes.axhline(reference[1], color=style.GRAY, linestyle=(0, (1, 2)), linewidth=1, zorder=1.5)
    drawn = []
    for _, run in rows.groupby("run", sort=False):
        values = run["value"].to_numpy(np.float64)
        look = style.verdict(run["outcome"].iloc[0], values)
        drawn.append(look)
        steps, means = windowed(run["step"].to_numpy(np.float64), values, window)
        finite = np.isfinite(means) & ((means > 0) | (not log))
        few = len(means) <= 25
        mark = {"marker": style.POINTS[look]["marker"], "markersize": 3.2, "markeredgewidth": 0.8} if few else {}
        if few and look == "majority":
            mark["markerfacecolor"] = "white"
        link = style.run_links(run.head(1))[0]
        axes.plot(steps, np.where(finite, means, np.nan), alpha=0.85, zorder=3, url=link, **style.LINES[look], **mark)
        if look == "diverged" and finite.any():
            last = int(np.flatnonzero(finite)[-1])
            axes.scatter(steps[last], means[last], zorder=4, **style.POINTS["diverged"])
    return drawn
