"""Claims about what separates a failed from a successful optimum: a ridge of the gradient norm, a barrier of the loss.

The unit is a plane through the pre-trained, a failed and a successful model. A plane counts if its successful point
has learned, its loss at most :data:`LEARNED` of the label entropy: between two points that never learned nothing can be
separated. That is more than *fitted*, the kind of its run, which asks for a loss that has clearly left the entropy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.claims.fractions import BARRIER, HALF, fraction_finding

LEARNED = 0.5
"""Largest loss of a successful point, as a fraction of the label entropy, at which its plane counts. Half of the entropy of
balanced labels is what a classifier loses that is sure and right nine times in ten."""
RIDGE = 1.5
"""Least ratio of the largest gradient norm on an edge to the larger of its ends that counts as a ridge. The norm is a mean
over 128 examples; half again as much is more than what other examples make of it."""


def ridge_between_optima(evidence: Evidence) -> Finding:
    """Planes on whose edge from the failed to the successful optimum the gradient norm rises to :data:`RIDGE` times its ends."""
    counted, seen = _planes(evidence)
    if "norm_ridge" not in counted or counted["norm_ridge"].isna().all():
        raise Missing("no plane has gradient norms on its edge between f and s")
    ridges = counted["norm_ridge"].to_numpy(np.float64)  # NaN is no ridge
    words = (
        f"the gradient norm rises to {RIDGE} times its larger end or more in {{}} of {{}} planes (ratio {_spread(ridges)})"
        f"{_paths(counted, 'norm_path', RIDGE, 'times the larger end')}"
        f"{_so_often(_from_pretrained(evidence, counted)['norm_ridge'] >= RIDGE)}{seen}"
    )
    return fraction_finding(ridges >= RIDGE, HALF, "planes", "planes with a ridge of the gradient norm", words)


def barrier_of_loss(evidence: Evidence) -> Finding:
    """Planes on whose edge from the failed to the successful optimum the loss rises more than the barrier over its ends."""
    counted, seen = _planes(evidence)
    barriers = counted["barrier"].to_numpy(np.float64)
    words = (
        f"the loss rises more than {BARRIER} nats over the larger end in {{}} of {{}} planes ({_spread(barriers)} nats)"
        f"{_paths(counted, 'loss_path', BARRIER, 'nats over the larger end')}"
        f"{_so_often(_from_pretrained(evidence, counted)['barrier'] > BARRIER)}{seen}"
    )
    return fraction_finding(barriers > BARRIER, HALF, "planes", "planes with a barrier of the loss", words)


def _planes(evidence: Evidence) -> tuple[pd.DataFrame, str]:
    """The first plane of each task and head whose successful point has learned, and a clause on those that do not count."""
    table = evidence.table("barriers")
    if "successful_loss" not in table:
        raise Missing("the planes do not tell the loss of their successful points")
    edges = _between(table, "f", "s")
    if edges.empty:
        raise Missing("no plane has the barrier of its edge between f and s")
    entropy = _entropies(evidence, edges["task"])
    learned = (edges["successful_loss"] <= LEARNED * entropy).to_numpy()
    counted = edges[learned].drop_duplicates(["task", "head"])
    if counted.empty:
        raise Missing(
            f"none of the {len(edges)} planes has a successful point with a loss of at most {LEARNED} of the label entropy, so "
            "there is no optimum to be separated from"
        )
    short = int((~learned).sum())
    left = [f"of {short} more the successful point has a loss over {LEARNED} of the label entropy"] if short else []
    same = int(learned.sum()) - len(counted)
    left += [f"{same} more share the successful run of one that counts"] if same else []
    return counted, "; " + ", ".join(left) + " and do not count" if left else ""


def _entropies(evidence: Evidence, tasks: pd.Series[str]) -> pd.Series[float]:
    for task in tasks.unique():
        if task not in evidence.label_entropy:
            raise Missing(f"the entropy of the training labels of {task!r} was not given")
    return tasks.map(dict(evidence.label_entropy)).astype("float64")


def _paths(counted: pd.DataFrame, column: str, bound: float, unit: str) -> str:
    """A clause on the least maximum over all paths of a grid, where planes have one."""
    if column not in counted or (found := counted[column].dropna()).empty:
        return ""
    above = int((found > bound).sum())
    return (
        f"; no path over the grid stays lower than that in {above} of {len(found)} planes with a grid (least maximum "
        f"{_spread(found.to_numpy(np.float64))} {unit})"
    )


def _between(table: pd.DataFrame, *ends: str) -> pd.DataFrame:
    """The rows of the edge between two points, whichever is named first."""
    return table[[set(str(edge).replace("-", "")) == set(ends) for edge in table["edge"]]]


def _from_pretrained(evidence: Evidence, counted: pd.DataFrame) -> pd.DataFrame:
    """The other edge of the same planes, from the pre-trained point to the failed one, which decides nothing: the paper's
    Figure 13 shows the failed point apart from both. Empty where planes have no names."""
    edges = _between(evidence.table("barriers"), "p", "f")
    return edges[edges["plane"].isin(counted["plane"])] if "plane" in edges else edges.iloc[:0]


def _so_often(high: pd.Series[bool]) -> str:
    """A clause on how many of these edges are high; none where there is no edge."""
    return f"; from the pre-trained to the failed point it rises so in {high.sum()} of {len(high)}" if len(high) else ""


def _spread(values: np.ndarray) -> str:
    return f"median {np.median(values):.3g}, from {values.min():.3g} to {values.max():.3g}"


def least_maximum(grid: pd.DataFrame, value: str, start: tuple[float, float], end: tuple[float, float]) -> float:
    """The least maximum of a value over all paths between two points of a grid, steps to the eight neighbours.

    The points nearest to ``start`` and ``end`` are the ends; their own values count (a path is no lower than they are).

    Args:
        grid: columns ``alpha``, ``beta`` and ``value``, a whole rectangle.
        value: the column.
        start: alpha and beta.
        end: likewise.

    Returns:
        NaN where no path avoids values that are not numbers.
    """
    table = grid.pivot(index="beta", columns="alpha", values=value)
    values = table.to_numpy(np.float64)
    first, last = (
        (int(np.abs(table.index.to_numpy() - beta).argmin()), int(np.abs(table.columns.to_numpy() - alpha).argmin()))
        for alpha, beta in (start, end)
    )
    return _minimax(values, first, last)


def _minimax(values: np.ndarray, first: tuple[int, int], last: tuple[int, int]) -> float:
    """Dijkstra's search in which the length of a path is the largest value on it."""
    import heapq

    best = np.full(values.shape, np.inf)
    queue = [(float(values[first]), first)]
    while queue:
        height, (row, column) = heapq.heappop(queue)
        if (row, column) == last:
            return height
        if not height < best[row, column]:
            continue
        best[row, column] = height
        for near in _neighbours(row, column, values.shape):
            if not np.isnan(values[near]) and (higher := max(height, float(values[near]))) < best[near]:
                heapq.heappush(queue, (higher, near))
    return float("nan")


def _neighbours(row: int, column: int, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    inside = [(row + i, column + j) for i, j in steps]
    return [(i, j) for i, j in inside if 0 <= i < shape[0] and 0 <= j < shape[1]]
