"""What fine-tuning has overwritten: masked-LM perplexity with the top k layers put back (paper, Figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedproof.report.figures import style
from seedproof.report.figures.axes import log_axis, plain_grid
from seedproof.report.figures.curves import windowed
from seedproof.report.figures.writing import drawable, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ("run", "seed", "outcome", "layers_restored", "embeddings", "perplexity")
"""Columns that the table must have."""
LOSS_COLUMNS = ("run", "outcome", "step", "value")
"""Columns that the table of losses must have."""

_POINTS = 80


def draw_forgetting(
    table: pd.DataFrame, losses: pd.DataFrame | None, path: str | Path, *, entropy: float | None = None
) -> Path:
    """Draw perplexity against the number of layers put back, and the training loss beside it; written to ``path``.

    Args:
        table: columns ``COLUMNS``; ``task`` and ``model`` make panels of their own. Rows with ``embeddings`` "pretrained" are
            drawn as open diamonds. Where a run has both embeddings with the most layers put back, these are all layers
            (:func:`seedproof.forgetting`), and the pre-trained ones make it the pre-trained model: the dotted line.
        losses: training losses of the same runs, columns ``LOSS_COLUMNS``; None or empty leaves that panel out.
        path: a PNG, SVG or PDF file; its numbers go beside it, those of the losses as ``.losses.csv``.
        entropy: of the training labels in nats, drawn as a line among the losses: what a model that learns nothing
            but the fraction of the labels stays at.

    Raises:
        UserError: a table is empty or lacks a column, or ``path`` cannot be a figure.
    """
    table = drawable(table, COLUMNS, "perplexities")
    tables = {"": table}
    if losses is not None and len(losses):
        losses = drawable(losses, LOSS_COLUMNS, "training losses")
        tables["losses"] = losses
    return write_figure(lambda: _figure(table, tables.get("losses"), entropy), path, tables)


def _figure(table: pd.DataFrame, losses: pd.DataFrame | None, entropy: float | None) -> Figure:
    facets = [name for name in ("task", "model") if name in table and table[name].nunique() > 1]
    groups = list(table.groupby(facets, sort=False)) if facets else [((), table)]
    columns = 1 if losses is None else 2
    figure, all_axes = style.panels(
        len(groups) * columns, across=columns, width=3.9 if columns == 2 else 5.0, height=2.9
    )
    for number, (key, rows) in enumerate(groups):
        _perplexities(all_axes[columns * number], rows, ", ".join(style.shortened(part) for part in key))
        if losses is not None:
            inside = losses[losses["run"].isin(rows["run"])] if facets else losses
            _losses(all_axes[columns * number + 1], inside, entropy)
    is_whole = any(_pretrained(rows) is not None for _, rows in groups)
    style.bottom_legend(figure, _legend(table, losses, entropy, is_whole), columns=2 if columns == 2 else 1)
    return figure


def _perplexities(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    log_axis(axes, "y")
    axes.set_title(f"{name}: perplexity" if name else "Perplexity of masked words", loc="left")
    axes.set_xlabel("top layers put back as pre-trained")
    axes.set_ylabel("perplexity (logarithmic)")
    plain_grid(axes)
    layers = int(rows["layers_restored"].max())
    axes.set_xticks(sorted({0, layers, *(round(layers * part / 4) for part in (1, 2, 3))}))
    for _, run in rows.groupby("run", sort=False):
        tuned, pretrained = run[run["embeddings"] == "finetuned"], run[run["embeddings"] == "pretrained"]
        look = style.verdict(run["outcome"].iloc[0])
        shown = tuned.sort_values("layers_restored")
        mark = {"marker": style.POINTS[look]["marker"], "markersize": 3.4, "markeredgewidth": 0.8}
        mark |= {"markerfacecolor": "white"} if look != "succeeded" else {}
        link = style.run_links(run.head(1))[0]
        axes.plot(shown["layers_restored"], _finite(shown["perplexity"]), url=link, **style.LINES[look], **mark)
        axes.scatter(
            pretrained["layers_restored"],
            _finite(pretrained["perplexity"]),
            marker="D",
            s=17,
            facecolor="white",
            edgecolor=style.LINES[look]["color"],
            linewidth=0.9,
            zorder=4,
        )
    if (whole := _pretrained(rows)) is not None:
        axes.axhline(whole, color=style.GRAY, linestyle=(0, (1, 2)), linewidth=1, zorder=1.5)


def _pretrained(rows: pd.DataFrame) -> float | None:
    """The perplexity of the pre-trained model, where it was measured: not of fewer layers than there are."""
    top = rows[rows["layers_restored"] == rows["layers_restored"].max()]
    both = top.groupby("run")["embeddings"].transform("nunique") > 1
    whole = top[both & (top["embeddings"] == "pretrained")]
    return float(whole["perplexity"].iloc[0]) if len(whole) else None


def _losses(axes: Axes, rows: pd.DataFrame, entropy: float | None) -> None:
    longest = rows.groupby("run", sort=False).size().max() if len(rows) else 0
    window = max(1, -(-longest // _POINTS))
    axes.set_title(f"Training loss{f' (means of {window} steps)' if window > 1 else ''}", loc="left")
    axes.set_xlabel("step")
    plain_grid(axes)
    if entropy is not None:
        axes.axhline(entropy, color=style.GRAY, linestyle=(0, (5, 3)), linewidth=1, zorder=1.5)
    for _, run in rows.groupby("run", sort=False):
        values = run["value"].to_numpy(np.float64)
        look = style.verdict(run["outcome"].iloc[0], values)
        axes.plot(*windowed(run["step"].to_numpy(np.float64), values, window), alpha=0.85, **style.LINES[look])


def _finite(values: pd.Series[float]) -> Any:
    """A perplexity that overflowed is a gap in its line; the table has it."""
    numbers = values.to_numpy(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _legend(table: pd.DataFrame, losses: pd.DataFrame | None, entropy: float | None, is_whole: bool) -> list[Any]:
    present = {style.verdict(outcome) for outcome in table["outcome"]}
    handles = [
        style.line_mark(style.LINES[look], f"{label}, fine-tuned embeddings" if losses is None else label)
        for look, label in style.LABELS.items()
        if look in present
    ]
    if (table["embeddings"] == "pretrained").any():
        diamond = {"marker": "D", "s": 17, "facecolor": "white", "edgecolor": style.DARK, "linewidth": 0.9}
        handles.append(style.point_mark(diamond, "with pre-trained embeddings"))
    if is_whole:
        handles.append(
            style.line_mark({"color": style.GRAY, "linestyle": (0, (1, 2)), "linewidth": 1}, "pre-trained model")
        )
    if entropy is not None and losses is not None:
        handles.append(
            style.line_mark({"color": style.GRAY, "linestyle": (0, (5, 3)), "linewidth": 1}, "entropy of the labels")
        )
    return handles
