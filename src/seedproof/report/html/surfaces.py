"""Surfaces that a reader can turn: found among the tables of a figure, drawn by plotly.js in the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from seedproof.report.figures.surface import contour_levels, lattice
from seedproof.report.html.drilldown import rounded

_PLANE = {"alpha", "beta"}
_VALUES = {"loss": "training loss", "gradient_norm": "norm of the loss gradient"}


def turnable(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """What the page's script needs to draw every surface in ``tables``: one per task and value."""
    grids = [table for table in tables.values() if _is_grid(table)]
    points = [table for table in tables.values() if "point" in table and set(table.columns) >= _PLANE]
    return [surface for grid in grids for surface in _surfaces(grid, points[0] if points else None)]


def plotly_script() -> str:
    """The library that draws them; plotly is loaded for this alone."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    return str(get_plotlyjs())


def _is_grid(table: pd.DataFrame) -> bool:
    return set(table.columns) >= {*_PLANE, "loss"} and not {"edge", "point"} & set(table.columns) and len(table) > 3


def _surfaces(grid: pd.DataFrame, points: pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    tasks: list[Any] = list(grid["task"].unique()) if "task" in grid else [None]
    for task in tasks:
        rows = grid if task is None else grid[grid["task"] == task]
        marked = points if points is None or task is None or "task" not in points else points[points["task"] == task]
        for value, name in _VALUES.items():
            if value in rows:
                yield _surface(rows, marked, value, name if task is None else f"{task}: {name}")


def _surface(grid: pd.DataFrame, points: pd.DataFrame | None, value: str, title: str) -> dict[str, Any]:
    alpha, beta, heights = lattice(grid, value)
    finite = heights[np.isfinite(heights)]
    levels = contour_levels(finite) if len(finite) else np.array([0.0, 1.0])
    # As on the drawing: a logarithmic height where the values span more than a power of ten.
    log = bool(levels[0] > 0 and levels[-1] / levels[0] > 10)
    marks = [] if points is None or value not in points else points[["point", "alpha", "beta", value]].values.tolist()
    return {
        "title": title,
        "log": log,
        "alpha": [rounded(item) for item in alpha.tolist()],
        "beta": [rounded(item) for item in beta.tolist()],
        "z": [[rounded(item) for item in row] for row in heights.tolist()],
        "points": [[str(name), rounded(float(a)), rounded(float(b)), rounded(float(z))] for name, a, b, z in marks],
    }
