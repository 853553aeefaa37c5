"""Statistics of ranks: two small groups, and the correlation of two quantities.

Ranks because losses and perplexities of failed runs spread over orders of magnitude. Infinity has a rank; NaN has none
and makes the result NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata, spearmanr

from seedproof.analysis.comparisons import Side, permutation_p
from seedproof.analysis.statistics import check_confidence

if TYPE_CHECKING:
    from jaxtyping import Float64, Num


@dataclass(frozen=True, eq=False)
class Shift:
    """Distance of ``first`` above ``second`` (Mann and Whitney 1947; Hodges and Lehmann 1963)."""

    first: Num[np.ndarray, " first"]
    second: Num[np.ndarray, " second"]

    @property
    def effect(self) -> float:
        """Hodges and Lehmann's estimate, the median of all differences; NaN without values or with one."""
        differences = self._differences()
        return float(np.median(differences)) if len(differences) else math.nan

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Exact distribution-free interval; NaN where the groups are too small for one (3 and 3 at 95 %)."""
        tail = (1 - check_confidence(confidence)) / 2
        differences = np.sort(self._differences())
        if not len(differences) or np.isnan(differences).any():
            return math.nan, math.nan
        cut = _exact_cut(len(self.first), len(self.second), tail)
        return (float(differences[cut - 1]), float(differences[-cut])) if cut else (math.nan, math.nan)

    def p_beyond(self, margin: float, side: Side) -> float:
        """Exact one-sided p-value of the rank sum, ties included, against "the shift is not above (below) ``margin``"."""
        values = np.concatenate([self.first - margin, self.second])
        if not (len(self.first) and len(self.second)):
            return 1.0
        if np.isnan(values).any():
            return math.nan
        ranks = 2 * rankdata(values)  # twice the middle rank: whole numbers
        inside, outside = ranks[: len(self.first)], ranks[len(self.first) :]
        return permutation_p(inside, outside) if side == "above" else permutation_p(outside, inside)

    @property
    def superiority(self) -> float:
        """Probability that a value of ``first`` lies above one of ``second``, a tie counted half."""
        above = (self.first[:, None] > self.second).mean() + (self.first[:, None] == self.second).mean() / 2
        return float(above)

    def _differences(self) -> Float64[np.ndarray, " pairs"]:
        with np.errstate(invalid="ignore"):  # infinity - infinity: the NaN that comes out is the answer
            return np.asarray(self.first[:, None] - self.second).ravel()


def _exact_cut(first: int, second: int, tail: float) -> int:
    """Which of the sorted differences, counted from 1, is the lower end of the interval; 0 where there is none."""
    below = np.cumsum(_rank_sum_probabilities(first, second))  # probability of U <= 0, 1, ... if there is no shift
    return int(np.searchsorted(below, tail, side="right"))


def _rank_sum_probabilities(first: int, second: int) -> NDArray[np.float64]:
    """Distribution of U without ties, shape (first * second + 1,): the largest value is in one group or the other."""
    size = first * second + 1
    never = np.zeros(size)
    never[0] = 1.0  # a group without values: U is 0
    row: list[NDArray[np.float64]] = [never] * (second + 1)
    for m in range(1, first + 1):
        new = [never]
        for n in range(1, second + 1):
            shifted = np.concatenate([np.zeros(n), row[n]])[:size]
            new.append((m * shifted + n * new[n - 1]) / (m + n))
        row = new
    return row[second]


SMALLEST_CORRELATION = 4
"""Runs from which on a rank correlation has an interval and a p-value: the 95 % interval covers 95 to 100 %
(``docs/decisions/intervals.md``)."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of two quantities of ``n`` runs, with Bonett and Wright's interval (2000)."""

    effect: float
    n: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Lower and upper end; NaN with fewer than :data:`SMALLEST_CORRELATION` runs or where there is no correlation."""
        z = float(ndtri(0.5 + check_confidence(confidence) / 2))
        error = self.standard_error
        if not math.isfinite(error):
            return math.nan, math.nan
        middle = self.transformed
        return math.tanh(middle - z * error), math.tanh(middle + z * error)

    def p_beyond(self, margin: float, side: Side) -> float:
        """One-sided p-value against "the correlation is not above (below) ``margin``", by Fisher's transformation."""
        if not math.isfinite(self.standard_error):
            return math.nan
        z = (self.transformed - math.atanh(margin)) / self.standard_error
        return float(ndtr(-z if side == "above" else z))

    @property
    def standard_error(self) -> float:
        """Standard error of the transformed correlation: sqrt((1 + rho^2 / 2) / (n - 3))."""
        return math.sqrt((1 + self.effect**2 / 2) / (self.n - 3)) if self.n >= SMALLEST_CORRELATION else math.nan

    @property
    def transformed(self) -> float:
        """Fisher's transformation. A perfect order counts as half a step below 1, the step being that of one exchange of
        neighbours: few runs are in perfect order by chance, too."""
        largest = 1 - 6 / (self.n * (self.n**2 - 1))
        return math.atanh(min(max(self.effect, -largest), largest))


def rank_correlation(first: ArrayLike, second: ArrayLike) -> RankCorrelation:
    """Spearman's correlation; NaN for fewer than three runs (of two it is always 1 or -1), equal values throughout, or a NaN."""
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    defined = len(x) > 2 and not np.isnan([*x, *y]).any() and len(set(x)) > 1 and len(set(y)) > 1
    return RankCorrelation(float(spearmanr(x, y).statistic) if defined else math.nan, len(x))
