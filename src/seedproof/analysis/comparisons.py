"""Do two recipes fail equally often? Exact tests, intervals of the difference, and Holm's correction.

The unit of randomness is the seed, not the run: the runs of one seed over several cells (learning rates, tasks) share their
three numbers, so each seed has one count of failures per recipe. Two recipes that ran on the **same seeds** are paired:
under the hypothesis of no difference each seed's two counts could be swapped, so the difference keeps its size and loses
its sign (Fisher 1935; with one cell this is McNemar's exact test). Pairing is right whatever a seed's runs have in common,
where Fisher's test for two independent samples would be too careful or, with a negative dependence, too bold. On
**different seeds** the counts are shuffled among all seeds (with one cell: Fisher's exact test). Both distributions are
computed exactly, no draw is made. A diverged run is a failure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from seedproof.analysis.statistics import check_confidence
from seedproof.errors import UserError

Side = Literal["above", "below"]

SMALLEST_SEEDS = 5
"""Seeds from which on a difference of failure rates has an interval: of 2 to 4 seeds the 95 % interval covers 88 to 100 %,
from 5 on 93 to 100 % (``docs/decisions/intervals.md``)."""

if TYPE_CHECKING:
    from jaxtyping import Num


def sign_flip_p(differences: ArrayLike) -> float:
    """Exact one-sided p-value of paired whole numbers, shape (pairs,): the probability of a sum at least as large.

    >>> sign_flip_p([1, 1, 1, 0])  # three discordant pairs, all one way: (1/2)^3
    0.125
    """
    steps = _whole(differences)
    reach = int(np.abs(steps).sum())
    probabilities = np.zeros(2 * reach + 1)
    probabilities[reach] = 1.0
    for step in np.abs(steps[steps != 0]):
        probabilities = (
            np.roll(probabilities, step) + np.roll(probabilities, -step)
        ) / 2  # the ends are still empty: nothing wraps around
    return min(1.0, float(probabilities[reach + int(steps.sum()) :].sum()))


def permutation_p(first: ArrayLike, second: ArrayLike) -> float:
    """Exact one-sided p-value of two independent groups of whole numbers: the probability of a sum of ``first`` as large.

    >>> permutation_p([1, 1, 1], [0, 0, 0])  # one of the 20 ways to choose 3 of 6
    0.05
    """
    chosen, others = _whole(first), _whole(second)
    values = np.concatenate([chosen, others])
    if not (len(chosen) and len(others)):
        return 1.0
    low = int(values.min())
    values = values - low
    goal, size = int(chosen.sum()) - low * len(chosen), len(chosen)
    # probabilities[j, s]: j of the values so far are in the first group, with sum s; drawn one by one without replacement.
    probabilities = np.zeros((size + 1, int(np.sort(values)[len(values) - size :].sum()) + 1))
    probabilities[0, 0] = 1.0
    for index, value in enumerate(values):
        taken = np.minimum(1.0, (size - np.arange(size + 1)) / (len(values) - index))[:, None]
        moved = probabilities * taken
        probabilities = probabilities * (1 - taken)
        probabilities[1:, value:] += moved[:-1, : probabilities.shape[1] - value]
    return min(1.0, float(probabilities[size, goal:].sum()))


def _whole(values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all() or (array != np.round(array)).any():
        raise UserError(f"an exact test counts whole numbers, found {array.tolist()}")
    return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class RateDifference:
    """The failure rate of ``first`` minus that of ``second``, over seeds that each ran ``cells`` runs per recipe.

    The interval is Newcombe's, from Wilson's intervals of the two rates (1998, Stat. Med. 17:873 method 10; paired:
    17:2635 method 10, with the correlation over the seeds). With several cells per seed a rate's n is divided by the
    design effect, the variance of the seeds' fractions over that of independent runs, which is never taken as less than 1
    (Saha, Miller and Wang 2016); with one cell it is 1, and the interval is Newcombe's to the digit.
    """

    first: Num[np.ndarray, " first"]
    """Failures of each seed, shape (seeds,)."""
    second: Num[np.ndarray, " second"]
    """Successes (0 or 1) of the other group; of the same seeds in the same order if ``paired``."""
    cells: int
    paired: bool

    def __post_init__(self) -> None:
        if self.paired and len(self.first) != len(self.second):
            raise UserError(f"pairs need equally many seeds, found {len(self.first)} and {len(self.second)}")

    @property
    def rates(self) -> tuple[float, float]:
        """Fraction of failed runs of each; NaN without a run."""
        first, second = (
            float(np.mean(part / self.cells)) if len(part) else math.nan for part in (self.first, self.second)
        )
        return first, second

    @property
    def effect(self) -> float:
        """The difference of the rates."""
        return self.rates[0] - self.rates[1]

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Lower and upper end, in [-1, 1]; NaN with fewer than :data:`SMALLEST_SEEDS` seeds of either."""
        if min(len(self.first), len(self.second)) < SMALLEST_SEEDS:
            return math.nan, math.nan
        return self._interval(float(ndtri(0.5 + check_confidence(confidence) / 2)))

    def p_above_zero(self) -> float:
        """Exact p-value against "``first`` does not fail more often"; small: it does."""
        if self.paired:
            return sign_flip_p(self.first - self.second)
        return permutation_p(self.first, self.second)

    def p_beyond(self, margin: float, side: Side) -> float:
        """P-value against "the difference is not above (below) ``margin``": where a one-sided interval just reaches it."""
        if not math.isfinite(self.effect):
            return 1.0
        upward = self.effect > margin  # the end between the estimate and the margin
        end = 0 if upward else 1
        distance = _where(lambda z: self._interval(z)[end] - margin)
        return float(ndtr(-distance if upward == (side == "above") else distance))

    def _interval(self, z: float) -> tuple[float, float]:
        if not (len(self.first) and len(self.second)):
            return -1.0, 1.0
        (p, low_p, high_p), (q, low_q, high_q) = (
            _wilson(part / self.cells, self.cells, z) for part in (self.first, self.second)
        )
        correlation = _correlation(self.first / self.cells, self.second / self.cells) if self.paired else 0.0
        below = _hypotenuse(p - low_p, high_q - q, correlation)
        above = _hypotenuse(high_p - p, q - low_q, correlation)
        return max(-1.0, p - q - below), min(1.0, p - q + above)


def _wilson(fractions: NDArray[np.float64], cells: int, z: float) -> tuple[float, float, float]:
    """A rate with Wilson's interval over the effective number of runs."""
    rate, runs = float(fractions.mean()), len(fractions) * cells
    spread = rate * (1 - rate)
    effect = max(1.0, float(fractions.var()) * cells / spread) if spread > 0 else 1.0
    count = runs / effect
    middle, half = rate + z**2 / (2 * count), z * math.sqrt(spread / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    low = 0.0 if rate == 0 else (middle - half) / scale
    return rate, low, 1.0 if rate == 1 else (middle + half) / scale


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Correlation of the two outcomes over seeds; a positive one is taken down by Newcombe's correction for few pairs."""
    scale = math.sqrt(float(first.var() * second.var()))
    if scale == 0:
        return 0.0
    together = float(np.mean((first - first.mean()) * (second - second.mean())))
    return (max(0.0, together - 1 / (2 * len(first))) if together > 0 else together) / scale


def _hypotenuse(first: float, second: float, correlation: float) -> float:
    return math.sqrt(max(0.0, first**2 - 2 * correlation * first * second + second**2))


def _where(distance: Callable[[float], float], largest: float = 40.0) -> float:
    """The z at which a monotone function changes sign; ``largest`` where it does not."""
    if distance(0.0) == 0:
        return 0.0
    if distance(0.0) * distance(largest) > 0:
        return largest
    return float(brentq(distance, 0.0, largest))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): controls the probability of any false rejection, whatever the dependence.

    NaN (a hypothesis that could not be tested) stays NaN and counts as one of the hypotheses all the same.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    filled = np.nan_to_num(np.asarray(p_values, np.float64), nan=1.0)
    order = np.argsort(filled, kind="stable")
    stepped = np.maximum.accumulate(filled[order] * (len(filled) - np.arange(len(filled))))
    corrected = np.empty(len(filled))
    corrected[order] = np.minimum(1.0, stepped)
    return [math.nan if math.isnan(p) else float(value) for p, value in zip(p_values, corrected, strict=True)]
