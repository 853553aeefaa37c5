"""Gradient norms of runs against the step, per layer and kind of weight (paper, Figures 4 and 10-12).

A column of panels per run, a row per kind of weight; inside a panel a line per layer, dark at the bottom of the encoder
and light at its top. What stands outside of the layers (embeddings, pooler, classifier) has the last row.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedproof.errors import UserError
from seedproof.report.figures import style
from seedproof.report.figures.axes import log_axis, plain_grid
from seedproof.report.figures.writing import drawable, write_figure
from seedproof.report.wording import recipe_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

COLUMNS = ("run", "seed", "recipe", "outcome", "step", "layer", "kind", "norm")
"""Columns that the table must have; ``layer`` counts from 0 at the bottom and is missing outside of the layers."""

MOST_RUNS = 6
_KINDS = ("query", "key", "value", "attention output", "intermediate", "output", "norm")
_OUTSIDE = {
    "classifier": (style.BLUE, "-"),
    "pooler": (style.VERMILION, (0, (4, 1.6))),
    "embeddings": (style.DARK, (0, (1, 1.2))),
    "total": (style.GRAY, (0, (6, 1, 1, 1))),
}
_ELSE = ("#009E73", (0, (3, 1, 1, 1, 1, 1)))


def draw_gradient_norms(table: pd.DataFrame, path: str | Path) -> Path:
    """Draw the norms of each run of ``table`` on a logarithmic axis and write the figure to ``path``.

    A norm of exactly 0 has no place on such an axis: it is a small triangle at its lower edge. One that is infinite is a
    cross at the upper edge. Where one is missing, as that of a frozen layer, there is a gap.

    Args:
        table: columns ``COLUMNS``; a few runs only, failed ones are drawn first. Leave out kinds to leave out rows.
        path: a PNG, SVG or PDF file; its numbers go beside it.

    Raises:
        UserError: the table is empty, lacks a column or has more than ``MOST_RUNS`` runs, or ``path`` cannot be a
            figure.
    """
    table = drawable(table, COLUMNS, "gradient norms")
    if (count := table["run"].nunique()) > MOST_RUNS:
        raise UserError(f"cannot draw the gradient norms of {count} runs in one figure; choose at most {MOST_RUNS}")
    return write_figure(lambda: _figure(table), path, {"": table})


def _figure(table: pd.DataFrame) -> Figure:
    import matplotlib

    inside = table[table["layer"].notna()]
    kinds: list[str | None] = sorted(
        inside["kind"].unique(), key=lambda kind: (_KINDS.index(kind) if kind in _KINDS else 9, kind)
    )
    kinds += [None] if table["layer"].isna().any() else []
    runs = sorted(
        (run for _, run in table.groupby("run", sort=False)), key=lambda run: run["outcome"].iloc[0] == "succeeded"
    )
    figure, all_axes = style.panels(
        len(kinds) * len(runs), across=len(runs), width=3.3, height=1.7, sharex="col", sharey=True
    )
    layers = int(inside["layer"].max()) + 1 if len(inside) else 1
    colours = matplotlib.colormaps["viridis"]
    limits = _limits(table["norm"].to_numpy(np.float64))
    for number, axes in enumerate(all_axes):
        kind, run = kinds[number // len(runs)], runs[number % len(runs)]
        log_axis(axes, "y")
        axes.set_ylim(*limits)
        plain_grid(axes)
        rows = run[run["layer"].isna()] if kind is None else run[(run["kind"] == kind) & run["layer"].notna()]
        _panel(axes, rows, colours, layers, outside=kind is None)
        if number < len(runs):
            axes.set_title(_title(run), loc="left")
        if number % len(runs) == 0:
            axes.set_ylabel("outside layers" if kind is None else style.shortened(kind, 20))
        if number >= len(all_axes) - len(runs):
            axes.set_xlabel("step")
    if len(inside):
        _layer_bar(figure, all_axes, colours, layers)
    figure.supylabel("L2 norm of the loss gradient, before clipping (logarithmic)", fontsize=9)
    if kinds[-1] is None:
        names = table.loc[table["layer"].isna(), "kind"].unique()
        looks = [(name, _OUTSIDE.get(name, _ELSE)) for name in names]
        style.bottom_legend(
            figure, [style.line_mark({"color": look[0], "linestyle": look[1]}, name) for name, look in looks]
        )
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, colours: Colormap, layers: int, *, outside: bool) -> None:
    for key, line in rows.groupby("kind" if outside else "layer", sort=True):
        if outside:
            colour, dashes = _OUTSIDE.get(str(key), _ELSE)
        else:
            colour, dashes = _colour(colours, int(str(key)), layers), "-"
        steps, norms = line["step"].to_numpy(np.float64), line["norm"].to_numpy(np.float64)
        drawable = np.isfinite(norms) & (norms > 0)
        axes.plot(steps, np.where(drawable, norms, np.nan), color=colour, linestyle=dashes, linewidth=0.9)
        for height, marker, chosen in ((0.02, "v", norms == 0), (0.97, "x", np.isinf(norms))):
            at = steps[chosen]
            axes.scatter(
                at,
                np.full(len(at), height),
                transform=axes.get_xaxis_transform(),
                marker=marker,
                s=9,
                color=colour,
                linewidth=0.8,
                clip_on=False,
                zorder=4,
            )


def _colour(colours: Colormap, layer: int, layers: int) -> Any:
    return colours(0.92 * layer / max(1, layers - 1))


def _limits(norms: Any) -> tuple[float, float]:
    drawable = norms[np.isfinite(norms) & (norms > 0)]
    return (float(drawable.min()) / 2, float(drawable.max()) * 2) if len(drawable) else (1e-6, 1.0)


def _title(run: pd.DataFrame) -> str:
    first = run.iloc[0]
    outcome = "succeeded" if first["outcome"] == "succeeded" else "failed"
    return f"{outcome}, seed {first['seed']}\n{style.in_lines(recipe_in_words(first['recipe']))}"


def _layer_bar(figure: Figure, all_axes: list[Axes], colours: Colormap, layers: int) -> None:
    """The legend of the layers: their numbers from 1 at the bottom of the encoder, as the paper counts them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    listed = ListedColormap([_colour(colours, layer, layers) for layer in range(layers)])
    mapped = ScalarMappable(BoundaryNorm(np.arange(layers + 1) + 0.5, layers), listed)
    ticks = sorted({1, layers, *(round(layers * part / 4) or 1 for part in (1, 2, 3))})
    bar = figure.colorbar(mapped, ax=all_axes, ticks=ticks, shrink=0.5, aspect=30, pad=0.02)
    bar.set_label("layer, counted from the bottom", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.minorticks_off()
    bar.outline.set_visible(False)
