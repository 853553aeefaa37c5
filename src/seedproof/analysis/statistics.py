"""Statistics of a handful of runs: pure functions from numbers to numbers, each with a closed form to test against.

The runs of one cell are few (5 to 50) and their scores far from normal (a failed run sits at the majority score), so
a rate gets Wilson's interval (Wilson 1927, JASA 22:209) and a mean or a standard deviation the bias-corrected and
accelerated bootstrap (Efron 1987, JASA 82:171). A number that is not finite is never dropped: it makes the result NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from seedproof.errors import UserError, unknown

Divisor = Literal["n-1", "n"]
"""What the sum of squared deviations is divided by: ``n-1`` makes the variance unbiased, the paper's match ``n``."""

RESAMPLES = 9999
"""Bootstrap resamples of an interval unless told otherwise."""

_BATCH_NUMBERS = 2_000_000
"""Numbers that one batch of resamples holds at most (16 MB): keeps a cell of thousands of runs small in memory."""

_KEPT = 200
"""Runs of a cell up to which the draws of the bootstrap are kept for the next cell (16 MB at most)."""

_GROUPS = 500
"""Parts that a jackknife leaves out one at a time, of so many runs or more."""

_TIE = 1e-9
"""Statistics of resamples that differ by less than this share of their range are equal: a resample that is the sample in
another order differs from it in the last bits."""


class Statistic(Protocol):
    """A function such as :func:`numpy.mean` that reduces the given axis."""

    def __call__(self, values: NDArray[np.float64], /, *, axis: int) -> Any:
        """Reduce ``axis`` of ``values``."""


def wilson_interval(failures: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a failure rate, without continuity correction.

    0 failures of 25 still allow a rate of 13.3 %. With no run at all nothing is excluded: (0, 1).

    Returns:
        Lower and upper end, both in [0, 1].

    Raises:
        UserError: ``failures`` is not between 0 and ``runs``, or ``confidence`` not between 0 and 1.
    """
    if not 0 <= failures <= runs:
        raise UserError(f"failures must be between 0 and the number of runs, {runs}, but is {failures}")
    z = float(ndtri(0.5 + check_confidence(confidence) / 2))
    # Both ends of the usual formula multiplied by n, so that n = 0 needs no case of its own.
    spread = z * math.sqrt(z**2 + 4 * failures * (1 - failures / runs if runs else 1.0))
    low, high = ((2 * failures + z**2 + sign * spread) / (2 * (runs + z**2)) for sign in (-1, 1))
    # Exactly 0 and 1 at the borders; rounding would leave 1e-17.
    return (0.0 if failures == 0 else low), (1.0 if failures == runs else high)


def standard_deviation(values: ArrayLike, divisor: Divisor = "n-1", *, axis: int = -1) -> Any:
    """Standard deviation along ``axis`` with the stated divisor.

    Returns:
        A float for one-dimensional ``values``, else an array without ``axis``. NaN where it is not defined: no value,
        one value with divisor ``n-1``, or a value that is not finite. Exactly 0 where all values are equal.

    Raises:
        UserError: ``divisor`` is neither ``n-1`` nor ``n``.
    """
    degrees_lost = 1 if check_divisor(divisor) == "n-1" else 0
    array = np.asarray(values, dtype=np.float64)
    count = array.shape[axis]
    if count <= degrees_lost:
        return np.full(array.mean(axis=axis).shape, math.nan)[()] if count else math.nan
    with np.errstate(invalid="ignore"):  # infinity - infinity: the NaN that comes out is the answer
        # Shifting by one of the values changes nothing but the rounding: equal values give exactly 0.
        deviations = array - array.take([0], axis=axis)
        return deviations.std(axis=axis, ddof=degrees_lost)[()]


def bca_interval(
    values: Sequence[float] | NDArray[np.float64],
    statistic: Statistic,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of ``statistic`` (Efron 1987, equations 2.3 and 6.6).

    Equal to :func:`scipy.stats.bootstrap` of the sorted values with ``method="BCa"`` and the same generator; written out
    here because the degenerate cases need a stated answer instead of a warning, and ties a tolerance. The order of
    ``values`` has no effect.

    Args:
        values: one number per run, shape (n,).
        statistic: reduces the axis it is given, e.g. ``numpy.mean``.
        confidence: share of intervals that should cover the true value.
        resamples: bootstrap samples to draw.
        seed: of the generator that draws them; equal arguments give equal intervals.

    Returns:
        Lower and upper end; (NaN, NaN) where the bootstrap says nothing: fewer than two values, all values equal, a
        value that is not finite, or a statistic that is not defined with one run left out (SD with ``n-1`` of 2 runs).

    Raises:
        UserError: ``confidence`` is not between 0 and 1 or ``resamples`` is not positive.
    """
    tail = (1 - check_confidence(confidence)) / 2
    if resamples < 1:
        raise UserError(f"resamples must be at least 1 but is {resamples}")
    sample = np.sort(np.asarray(values, dtype=np.float64))
    if len(sample) < 2 or not np.isfinite(sample).all() or np.ptp(sample) == 0:
        return math.nan, math.nan
    estimate = float(statistic(sample, axis=-1))
    draws = _resampled(sample, statistic, resamples, seed)
    tolerance = _tolerance(draws)
    share_below = ((draws < estimate - tolerance).mean() + (draws <= estimate + tolerance).mean()) / 2
    bias, acceleration = float(ndtri(share_below)), _acceleration(sample, statistic)
    if not (math.isfinite(bias) and math.isfinite(acceleration)):
        return math.nan, math.nan
    shifted = bias + ndtri(np.array([tail, 1 - tail]))
    low, high = np.quantile(draws, ndtr(bias + shifted / (1 - acceleration * shifted)))
    return float(low), float(high)


def _resampled(sample: NDArray[np.float64], statistic: Statistic, resamples: int, seed: int) -> NDArray[np.float64]:
    """The statistic of every bootstrap sample, shape (resamples,)."""
    batches = (
        _kept_draws(len(sample), resamples, seed) if len(sample) <= _KEPT else _draws(len(sample), resamples, seed)
    )
    return np.concatenate([statistic(sample[batch], axis=-1) for batch in batches])


def _draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Which values make up each bootstrap sample, (a part of the samples, count) at a time."""
    generator = np.random.default_rng(seed)
    rows = max(1, _BATCH_NUMBERS // count)
    for start in range(0, resamples, rows):
        yield generator.integers(0, count, (min(rows, resamples - start), count))


@lru_cache(maxsize=4)
def _kept_draws(count: int, resamples: int, seed: int) -> tuple[NDArray[np.int64], ...]:
    """The same, kept: most cells of a study have equally many runs, and each has two intervals."""
    return tuple(_draws(count, resamples, seed))


def _acceleration(sample: NDArray[np.float64], statistic: Statistic) -> float:
    """The acceleration constant, from the statistic with one run left out at a time; NaN where that is constant.

    Of very many runs groups are left out instead, which estimates the same and does not grow with the square. They are
    drawn: neighbours in a sorted sample are alike.
    """
    order = np.random.default_rng(0).permutation(len(sample))
    groups = np.array_split(order, min(len(sample), _GROUPS))
    left_out = np.array([statistic(np.delete(sample, group), axis=-1) for group in groups], dtype=np.float64)
    deviations = left_out.mean() - left_out
    largest = float(np.abs(deviations).max())
    if not largest > 1e-12 * np.abs(left_out).max():  # equal but for rounding, or NaN
        return math.nan
    deviations /= largest  # the ratio does not depend on their scale, but powers of tiny ones are 0
    return float((deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5))


def _tolerance(draws: NDArray[np.float64]) -> float:
    """Distance below which two draws are equal: a share of their range, and never less than rounding."""
    return max(_TIE * float(np.ptp(draws)), 1e-14 * float(np.abs(draws).max()))


def check_confidence(confidence: float) -> float:
    """``confidence`` itself, or a :class:`UserError` where it is not strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise UserError(f"confidence must be between 0 and 1 (0.95 is usual) but is {confidence}")
    return confidence


def check_divisor(divisor: str) -> str:
    """``divisor`` itself, or a :class:`UserError` where it is not one of the two."""
    if divisor not in get_args(Divisor):
        raise unknown("divisor of the standard deviation", divisor, get_args(Divisor))
    return divisor
