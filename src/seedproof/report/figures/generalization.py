"""Final score against final training loss, a point per run (paper, Figure 8b)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedproof.analysis.generalization import LAST_EPOCH
from seedproof.report import wording
from seedproof.report.figures import style
from seedproof.report.figures.axes import log_axis, plain_grid
from seedproof.report.figures.writing import drawable, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ("run", "seed", "task", "recipe", "outcome", "training_loss", "score")
"""Columns that the table must have; ``measured`` adds how the loss was, ``metric`` and ``majority`` name the axis and add the
majority line."""


def draw_generalization(table: pd.DataFrame, path: str | Path) -> Path:
    """Draw the runs of ``table``, a panel per task, losses on a logarithmic axis; written to ``path``.

    A run that diverged has neither loss nor score: it is counted in its panel, not left out in silence.

    Args:
        table: columns ``COLUMNS``.
        path: a PNG, SVG or PDF file; its numbers go beside it.

    Raises:
        UserError: the table is empty or lacks a column, or ``path`` cannot be a figure.
    """
    table = drawable(table, COLUMNS, "final losses and scores")
    return write_figure(lambda: _figure(table), path, {"": table})


def _figure(table: pd.DataFrame) -> Figure:
    facets = [name for name in ("task", "model") if name in table and table[name].nunique() > 1] or ["task"]
    groups = list(table.groupby(facets, sort=False))
    figure, all_axes = style.panels(len(groups), across=3, width=4.6 if len(groups) == 1 else 3.3, height=2.8)
    present: set[str] = set()
    for axes, (key, rows) in zip(all_axes, groups, strict=True):
        lines = [style.in_lines(part, 36) for part in key]
        if hidden := int((~_drawable(rows)).sum()):
            lines.append(f"{hidden} run{'s' if hidden > 1 else ''} without a finite loss and score")
        axes.set_title("\n".join(lines), loc="left")
        present |= _panel(axes, rows)
    handles = [style.point_mark(style.POINTS[look], label) for look, label in style.LABELS.items() if look in present]
    style.bottom_legend(figure, handles, columns=2)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame) -> set[str]:
    """Draw the runs of a panel; their verdicts are returned."""
    log_axis(axes, "x")
    measured = rows["measured"].iloc[0] if "measured" in rows else LAST_EPOCH
    axes.set_xlabel(f"training loss, {measured} (logarithmic)")
    metric = rows["metric"].dropna() if "metric" in rows else pd.Series(dtype=object)
    axes.set_ylabel(wording.metric(rows) if len(metric) else "score at the end")
    plain_grid(axes)
    if "majority" in rows and rows["majority"].notna().any():
        axes.axhline(
            float(rows["majority"].dropna().iloc[0]), color=style.GRAY, linestyle=(0, (5, 3)), linewidth=1.0, zorder=1.5
        )
    losses, scores = rows["training_loss"].to_numpy(np.float64), rows["score"].to_numpy(np.float64)
    looks = np.array([style.verdict(o, [s]) for o, s in zip(rows["outcome"], scores, strict=True)])
    drawable = _drawable(rows)
    present = set()
    for look in style.POINTS:
        chosen = drawable & (looks == look)
        if chosen.any():
            present.add(look)
            links = style.run_links(rows[chosen])
            axes.scatter(losses[chosen], scores[chosen], zorder=3, urls=links, **style.POINTS[look])
    return present


def _drawable(rows: pd.DataFrame) -> np.ndarray:
    losses, scores = rows["training_loss"].to_numpy(np.float64), rows["score"].to_numpy(np.float64)
    return np.asarray(np.isfinite(losses) & np.isfinite(scores) & (losses > 0))
