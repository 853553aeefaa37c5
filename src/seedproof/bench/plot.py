"""The table of a benchmark as a drawing: a bar per contender, its spread, and the lower bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedproof.bench.output import Outcome, Report

INCHES_PER_BAR = 0.32


def draw(report: Report, path: Path) -> None:
    """Draw every trial below the other, each on its own scale.

    Args:
        report: what was found.
        path: a PNG, SVG or PDF file.
    """
    from matplotlib.figure import Figure

    drawn = [outcome for outcome in report.outcomes if any(row.median for row in outcome.rows)]
    heights = [len(outcome.rows) + 2.5 for outcome in drawn] or [1.0]
    figure = Figure(figsize=(8, INCHES_PER_BAR * sum(heights)), layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, outcome in zip(panels, drawn, strict=False):
        _panel(axes, outcome)
    figure.savefig(path, dpi=150)


def _panel(axes: Any, outcome: Outcome) -> None:
    rows = [row for row in outcome.rows if row.median is not None]
    names = []
    for height, row in enumerate(rows):
        assert row.median is not None
        assert row.low is not None
        assert row.high is not None
        is_ours = row.contender.kind in ("plain", "fleet", "points", "stacked points")
        axes.barh(height, 1e3 * row.median, color="#2b6ca3" if is_ours else "#b0b0b0", height=0.7)
        axes.plot([1e3 * row.low, 1e3 * row.high], [height, height], color="black", linewidth=1)
        if row.lower_bound is not None and not row.contender.whole:
            axes.plot([1e3 * row.lower_bound] * 2, [height - 0.4, height + 0.4], color="#c03020", linewidth=1.5)
        names.append(f"{row.contender.name} ({row.members})" if row.members > 1 else row.contender.name)
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_title(f"{outcome.trial.name}: {outcome.trial.problem}", fontsize=8, loc="left")
    axes.set_xlabel(f"ms per {outcome.trial.unit}; black: all repeats; red: the lower bound", fontsize=7)
    axes.tick_params(axis="x", labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
