"""The plane through three checkpoints: its points, the arithmetic at one point, and tables of what was found.

A point is ``p + a (f - p) + b (s - p)`` with the raw directions (no filter normalisation), over all parameters, written
as ``(1 - a - b) p + a f + b s``: at the three checkpoints and on the edges nothing is lost to rounding.

Everything here works on vectors and on any function of them; what a model has to do with it is in
:mod:`seedproof.measure.classifier_loss`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from torch import Tensor

from seedproof.errors import UserError
from seedproof.store.measurements import Values

if TYPE_CHECKING:
    import pandas as pd
    from jaxtyping import Float

Points = list[tuple[float, float]]
"""``(alpha, beta)`` of each point."""

Measured = Generator[tuple[str, Values], None, None]
"""Parts by name as they are done; what measures them ends when it is closed."""

CORNERS = {"p": (0.0, 0.0), "f": (1.0, 0.0), "s": (0.0, 1.0)}
"""Where the pre-trained, the failed and the successful model lie."""

EDGES = {"p-f": ("p", "f"), "p-s": ("p", "s"), "f-s": ("f", "s")}


class Evaluate(Protocol):
    """The arithmetic at one point."""

    def __call__(self, parameters: Float[Tensor, " parameters"]) -> tuple[float, float | None]:
        """Loss at ``parameters`` (n,), and the L2 norm of its gradient over all of them, or None if it was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Where the plane is evaluated besides the three checkpoints.

    Raises:
        UserError: an empty range, or too few points.
    """

    low: float = -1.5
    """The least alpha and beta."""
    high: float = 1.5
    """The greatest."""
    side: int = 40
    """Points a side of the grid; 0 leaves the grid out."""
    edge: int = 41
    """Points on each of the three edges, its two ends included."""

    def __post_init__(self) -> None:
        if not -np.inf < self.low < self.high < np.inf:
            raise UserError(
                f"the range from {self.low} to {self.high} is empty; give two finite numbers, the lower first"
            )
        if (self.side < 2 and self.side != 0) or self.edge < 2:
            raise UserError(
                f"{self.side} points a side and {self.edge} on an edge are too few; give at least 2 each, or side = 0 for no grid"
            )

    @property
    def steps(self) -> list[float]:
        """The values that alpha and beta take on the grid."""
        return [float(value) for value in np.linspace(self.low, self.high, self.side)]

    def parts(self) -> dict[str, Points]:
        """All points in the pieces in which they are measured and kept: corners, edges, rows of equal beta."""
        parts = {"points": list(CORNERS.values())}
        for edge, (start, end) in EDGES.items():
            (a, b), (c, d) = CORNERS[start], CORNERS[end]
            steps = [float(step) for step in np.linspace(0, 1, self.edge)]
            parts[f"edge {edge}"] = [((1 - t) * a + t * c, (1 - t) * b + t * d) for t in steps]
        return parts | {f"row {row}": [(a, b) for a in self.steps] for row, b in enumerate(self.steps)}


@dataclass(frozen=True, eq=False)
class Plane:
    """Three vectors (n,) of parameters."""

    p: Float[Tensor, " parameters"]
    """Pre-trained, at alpha = beta = 0."""
    f: Float[Tensor, " parameters"]
    """Failed, at alpha = 1."""
    s: Float[Tensor, " parameters"]
    """Successful, at beta = 1."""

    def at(self, alpha: float, beta: float) -> Float[Tensor, " parameters"]:
        """The parameters of a point, a new vector (n,)."""
        return ((1 - alpha - beta) * self.p).add_(self.f, alpha=alpha).add_(self.s, alpha=beta)


def measure_points(plane: Plane, evaluate: Evaluate, points: Points) -> Values:
    """``loss`` and, if the function gives it, ``gradient_norm`` of each point, float64 (points,)."""
    found = [evaluate(plane.at(alpha, beta)) for alpha, beta in points]
    values: Values = {"loss": np.array([loss for loss, _ in found])}
    norms = [norm for _, norm in found if norm is not None]
    return values | ({"gradient_norm": np.array(norms)} if norms else {})


def measure_here(plane: Plane, evaluate: Evaluate, parts: Mapping[str, Points]) -> Measured:
    """Measure each part in this process, one after the other."""
    for name, points in parts.items():
        yield name, measure_points(plane, evaluate, points)


@dataclass(frozen=True, eq=False)
class Surface:
    """What was found on a plane. ``gradient_norm`` is a column only where it was asked for."""

    grid: pd.DataFrame
    """``alpha``, ``beta``, ``loss``, ``gradient_norm``; beta by beta, alpha fastest."""
    edges: pd.DataFrame
    """``edge`` (``p-f``, ``p-s``, ``f-s``), ``position`` (0 at its first end, 1 at its second), and as ``grid``."""
    points: pd.DataFrame
    """``point`` (``p``, ``f``, ``s``), and as ``grid``; exactly at the checkpoints."""
    barriers: pd.DataFrame
    """``edge``, ``barrier`` (``maximum - larger_end``), ``maximum`` and ``larger_end`` of the loss on each edge, 0 where the
    larger end is the maximum; and ``norm_ridge``, the largest gradient norm over that of the larger end, at least 1, where norms
    were asked for."""
    settings: Mapping[str, Any]
    """What was measured: fingerprints, lattice, number and seed of the examples."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The four tables by name."""
        return {"grid": self.grid, "edges": self.edges, "points": self.points, "barriers": self.barriers}


def tabulate(lattice: Lattice, found: Mapping[str, Values], settings: Mapping[str, Any]) -> Surface:
    """Arrange what was found in every part of a lattice."""
    import pandas as pd

    parts = lattice.parts()
    rows = [name for name in parts if name.startswith("row ")]
    points = _part_table(parts["points"], found["points"])
    grid = pd.concat([points[:0], *(_part_table(parts[name], found[name]) for name in rows)], ignore_index=True)
    points.insert(0, "point", list(CORNERS))
    pieces = []
    for edge in EDGES:
        piece = _part_table(parts[f"edge {edge}"], found[f"edge {edge}"])
        piece.insert(0, "position", np.linspace(0, 1, lattice.edge))
        piece.insert(0, "edge", edge)
        pieces.append(piece)
    edges = pd.concat(pieces, ignore_index=True)
    return Surface(grid, edges, points, barriers(edges), dict(settings))


def barriers(edges: pd.DataFrame) -> pd.DataFrame:
    """The barrier of the loss on each edge, its maximum less its larger end (paper, Figure 7), and the ridge of the gradient
    norm, its maximum over its larger end (Figure 13).

    Args:
        edges: ``edge``, ``position``, ``loss``, and perhaps ``gradient_norm``.

    Returns:
        ``edge``, ``barrier``, ``maximum``, ``larger_end``, and with norms ``norm_ridge``. A value on an edge that is not a number
        makes those of its row none.
    """
    import pandas as pd

    rows = []
    for edge, piece in edges.groupby("edge", sort=False):
        maximum, end = _heights(piece, "loss")
        row = {"edge": edge, "barrier": maximum - end, "maximum": maximum, "larger_end": end}
        if "gradient_norm" in piece:
            maximum, end = _heights(piece, "gradient_norm")
            row["norm_ridge"] = maximum / end if end > 0 else math.nan
        rows.append(row)
    return pd.DataFrame(rows, columns=["edge", "barrier", "maximum", "larger_end", *_norm_columns(edges)])


def _norm_columns(edges: pd.DataFrame) -> list[str]:
    return ["norm_ridge"] if "gradient_norm" in edges else []


def _heights(piece: pd.DataFrame, value: str) -> tuple[float, float]:
    """The largest value on an edge, and the larger of its two ends; both pass NaN on."""
    values = piece.sort_values("position")[value].to_numpy()
    return float(np.max(values)), float(np.maximum(values[0], values[-1]))


def complete(
    lattice: Lattice,
    done: Mapping[str, Values],
    measure: Callable[[dict[str, Points]], Measured],
    keep: Callable[[str, Values], None],
    report: Callable[[int, int], None],
) -> dict[str, Values]:
    """Measure the parts of a lattice that are not ``done`` and keep each as it comes; return all."""
    parts, found = lattice.parts(), dict(done)
    missing = {name: points for name, points in parts.items() if name not in found}
    report(len(parts) - len(missing), len(parts))
    if missing:
        with closing(measure(missing)) as measured:  # else it would live on where an error is kept, as in a notebook
            for name, values in measured:
                keep(name, values)
                found[name] = values
                report(len(found), len(parts))
    return found


def _part_table(points: Points, values: Values) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"alpha": [a for a, _ in points], "beta": [b for _, b in points], **values})
