"""Bias correction over time: the factor k(t), and the step size that recipes really take (paper, Figure 6)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedproof.report.figures import style
from seedproof.report.figures.axes import log_axis, plain_grid
from seedproof.report.figures.writing import drawable, write_figure
from seedproof.report.wording import recipe_in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("recipe", "step", "factor", "learning_rate", "step_size")
"""Columns that the table must have: ``factor`` is k(t), ``step_size`` what an Adam with correction would need."""


def draw_step_sizes(table: pd.DataFrame, path: str | Path) -> Path:
    """Draw k(t), and step size beside learning rate, against the step for each recipe; written to ``path``.

    Args:
        table: columns ``COLUMNS``, steps from 1.
        path: a PNG, SVG or PDF file; its numbers go beside it.

    Raises:
        UserError: the table is empty or lacks a column, or ``path`` cannot be a figure.
    """
    table = drawable(table, COLUMNS, "step sizes")
    return write_figure(lambda: _figure(table), path, {"": table})


def _figure(table: pd.DataFrame) -> Figure:
    figure, (left, right) = style.panels(2, across=2, width=3.9, height=2.9)
    handles = []
    for number, (recipe, rows) in enumerate(table.groupby("recipe", sort=False)):
        look = {
            "color": style.SERIES[number % 6],
            "linestyle": style.DASHES[(number + number // 6) % 6],
            "linewidth": 1.4,
        }
        steps = rows["step"].to_numpy(np.float64)
        left.plot(steps, rows["factor"], **look)
        right.plot(steps, _positive(rows["step_size"]), **look)
        right.plot(steps, _positive(rows["learning_rate"]), color=style.GRAY, linewidth=0.7, zorder=1.5)
        handles.append(style.line_mark(look, style.shortened(recipe_in_words(str(recipe)), 48)))
    left.set_title("Factor k(t) of the bias correction", loc="left")
    left.set_ylim(0, 1.05)
    left.axhline(1, color=style.GRAY, linewidth=0.7)
    right.set_title("Size of a step: learning rate / k(t) if left out", loc="left")
    right.set_ylabel("step size (logarithmic)")
    log_axis(right, "y")
    _readable_range(right, table)
    for axes in (left, right):
        log_axis(axes, "x")
        axes.set_xlabel("step (logarithmic)")
        plain_grid(axes)
    handles.append(style.line_mark({"color": style.GRAY, "linewidth": 0.7}, "learning rate (right)"))
    style.bottom_legend(figure, handles, columns=2)
    return figure


def _positive(values: pd.Series[float]) -> np.ndarray:
    """0, as the rate before the warm-up's first step, has no place on a logarithmic axis."""
    numbers = values.to_numpy(np.float64)
    return np.where(numbers > 0, numbers, np.nan)


def _readable_range(axes: object, table: pd.DataFrame) -> None:
    """Three powers of ten below the largest: the last steps go to 0 and would flatten everything else."""
    largest = float(np.nanmax(table[["step_size", "learning_rate"]].to_numpy(np.float64)))
    if largest > 0:
        axes.set_ylim(largest / 1e3, largest * 1.6)  # type: ignore[attr-defined]
