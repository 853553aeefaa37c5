"""Loss or gradient norm on the plane through three checkpoints, and along its edges (paper, Figures 7 and 13)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from seedproof.errors import UserError
from seedproof.report.figures import style
from seedproof.report.figures.axes import log_axis, one_format, plain_grid
from seedproof.report.figures.writing import drawable, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

GRID_COLUMNS = ("alpha", "beta")
POINT_COLUMNS = ("point", "alpha", "beta")
EDGE_COLUMNS = ("edge", "position")
"""Columns that the tables must have, each with the value that is drawn; ``task`` makes panels of its own."""

_VALUES = {"loss": "training loss", "gradient_norm": "norm of the loss gradient"}
_LEVELS = 22
_CHECKPOINTS: dict[str, dict[str, Any]] = {
    "p": {"marker": "s", "facecolor": "white", "edgecolor": style.DARK, "label": "p, pre-trained"},
    "f": {"marker": "v", "facecolor": "white", "edgecolor": style.VERMILION, "label": "f, failed"},
    "s": {"marker": "o", "facecolor": style.BLUE, "edgecolor": "white", "label": "s, successful"},
}


def draw_surface(
    grid: pd.DataFrame,
    points: pd.DataFrame,
    path: str | Path,
    *,
    value: Literal["loss", "gradient_norm"] = "loss",
    edges: pd.DataFrame | None = None,
) -> Path:
    """Draw contours over the plane p + alpha (f - p) + beta (s - p) with the three checkpoints; written to ``path``.

    Levels are spaced evenly in the logarithm where the values span more than a power of ten. Points of the plane whose
    value is not finite are hatched.

    Args:
        grid: columns ``alpha``, ``beta`` and ``value``, one row per point of a full grid; in any order.
        points: columns ``point`` (p, f or s), ``alpha``, ``beta``.
        path: a PNG, SVG or PDF file; the numbers go beside it, also as ``.points.csv`` and ``.edges.csv``.
        value: which column is drawn.
        edges: columns ``edge``, ``position`` (0 to 1) and ``value``; drawn as profiles beside the plane.

    Raises:
        UserError: a table is empty or lacks a column, the grid has holes, or ``path`` cannot be a figure.
    """
    grid = drawable(grid, (*GRID_COLUMNS, value), "the surface")
    points = drawable(points, POINT_COLUMNS, "the checkpoints")
    tables = {"": grid, "points": points}
    if edges is not None and len(edges):
        edges = drawable(edges, (*EDGE_COLUMNS, value), "the edges")
        tables["edges"] = edges
    return write_figure(lambda: _figure(grid, points, tables.get("edges"), value), path, tables)


def lattice(grid: pd.DataFrame, value: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The values of a full grid as a matrix.

    Returns:
        alpha (a,), beta (b,), values (b, a).

    Raises:
        UserError: a point is missing or there twice.
    """
    alpha, beta = np.unique(grid["alpha"]), np.unique(grid["beta"])
    points_there = set(zip(grid["alpha"], grid["beta"], strict=True))
    if len(points_there) != len(grid) or len(grid) != len(alpha) * len(beta):
        raise UserError(
            f"the surface is not whole: {len(points_there)} of {len(alpha)} x {len(beta)} points are there (rows: {len(grid)}); "
            "give the command that measures it again, and it goes on from there"
        )
    values = grid.sort_values(["beta", "alpha"])[value].to_numpy(np.float64)
    return alpha, beta, values.reshape(len(beta), len(alpha))


def _figure(grid: pd.DataFrame, points: pd.DataFrame, edges: pd.DataFrame | None, value: str) -> Figure:
    split = "task" in grid and grid["task"].nunique() > 1
    groups = [(str(key), rows) for key, rows in grid.groupby("task", sort=False)] if split else [("", grid)]
    columns = 1 if edges is None else 2
    figure, all_axes = style.panels(
        len(groups) * columns, across=columns, width=4.6 if columns == 1 else 4.3, height=3.5
    )
    for number, (task, rows) in enumerate(groups):
        axes = all_axes[columns * number]
        axes.set_title(f"{task}: {_VALUES[value]}" if task else _VALUES[value].capitalize(), loc="left")
        _plane(axes, rows, _of_task(points, task), value)
        if edges is not None:
            _profiles(all_axes[columns * number + 1], _of_task(edges, task), value)
    handles = [_handle(name) for name in _CHECKPOINTS if (points["point"] == name).any()]
    if not np.isfinite(grid[value].to_numpy(np.float64)).all():
        from matplotlib.patches import Patch

        handles.append(Patch(facecolor="white", edgecolor=style.GRAY, hatch="////", linewidth=0, label="not finite"))
    style.bottom_legend(figure, handles, columns=len(handles))
    return figure


def _of_task(table: pd.DataFrame, task: str) -> pd.DataFrame:
    return table[table["task"] == task] if task and "task" in table else table


def _plane(axes: Axes, grid: pd.DataFrame, points: pd.DataFrame, value: str) -> None:
    from matplotlib.colors import BoundaryNorm

    alpha, beta, values = lattice(grid, value)
    finite = np.isfinite(values)
    if not finite.any():
        raise UserError(f"no point of the surface has a finite {_VALUES[value]}; measure it closer to the checkpoints")
    levels = contour_levels(values[finite])
    if not finite.all():
        axes.contourf(alpha, beta, ~finite * 1.0, levels=[0.5, 1.5], colors="white", hatches=["////"], zorder=1)
    shown = np.ma.masked_where(~finite, np.clip(values, levels[0], levels[-1]))
    filled = axes.contourf(alpha, beta, shown, levels=levels, cmap="cividis_r", norm=BoundaryNorm(levels, 256))
    axes.contour(alpha, beta, shown, levels=levels[::2], colors="white", linewidths=0.35, alpha=0.7)
    ticks = levels[:: max(1, len(levels) // 6)]
    bar = axes.figure.colorbar(filled, ax=axes, shrink=0.85, pad=0.02, ticks=ticks)
    bar.set_ticks(ticks.tolist(), labels=one_format(ticks))
    bar.ax.tick_params(labelsize=7.5)
    bar.minorticks_off()
    axes.set_xlabel("alpha: from p to f")
    axes.set_ylabel("beta: from p to s")
    axes.set_aspect("equal")
    positions = {row["point"]: (row["alpha"], row["beta"]) for row in points.to_dict("records")}
    corners = [positions[name] for name in "pfs" if name in positions]
    axes.plot(*np.array([*corners, corners[0]]).T, color=style.DARK, linewidth=0.8, linestyle=(0, (3, 2)))
    for name, (x, y) in positions.items():
        look = {key: item for key, item in _CHECKPOINTS.get(str(name), _CHECKPOINTS["p"]).items() if key != "label"}
        axes.scatter([x], [y], s=52, linewidth=1.3, zorder=5, **look)
        axes.annotate(
            str(name),
            (x, y),
            (7, 5),
            textcoords="offset points",
            zorder=6,
            fontsize=9,
            color=style.DARK,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )


def contour_levels(values: NDArray[Any]) -> NDArray[Any]:
    """Levels over ``values`` (finite): even steps of the logarithm where they are positive and span a power of ten."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low - max(1e-9, abs(low) * 1e-3), high + max(1e-9, abs(high) * 1e-3)])
    spaced = np.geomspace if low > 0 and high / low > 10 else np.linspace
    return np.asarray(spaced(low, high, _LEVELS))


def _profiles(axes: Axes, edges: pd.DataFrame, value: str) -> None:
    numbers, scale = edges[value].to_numpy(np.float64), ""
    finite = numbers[np.isfinite(numbers)]
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() > 10:
        log_axis(axes, "y")
        scale = " (logarithmic)"
    plain_grid(axes)
    for number, (edge, rows) in enumerate(edges.groupby("edge", sort=False)):
        rows = rows.sort_values("position")
        heights = np.where(np.isfinite(rows[value]), rows[value], np.nan)
        axes.plot(
            rows["position"],
            heights,
            color=style.SERIES[number % 6],
            linestyle=style.DASHES[number % 6],
            linewidth=1.3,
            label=_edge_name(edge),
        )
    axes.set_title("Along the edges", loc="left")
    axes.set_xlabel("position on the edge")
    axes.set_ylabel(_VALUES[value] + scale)
    axes.legend(frameon=False, fontsize=8)


def _edge_name(edge: object) -> str:
    return " to ".join(str(edge).split("-"))


def _handle(name: str) -> Any:
    look = _CHECKPOINTS[name]
    plain = {
        "marker": look["marker"],
        "s": 40,
        "facecolor": look["facecolor"],
        "edgecolor": look["edgecolor"],
        "linewidth": 1.2,
    }
    return style.point_mark(plain, look["label"])
