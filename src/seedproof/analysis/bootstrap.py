"""The bias-corrected and accelerated bootstrap (Efron 1987, JASA 82:171) of a mean or a standard deviation of few runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from seedproof.analysis.statistics import check_confidence
from seedproof.errors import UserError

RESAMPLES = 9999
"""Bootstrap resamples of an interval unless told otherwise."""

_BATCH_NUMBERS = 2_000_000
"""Numbers that one batch of resamples holds at most (16 MB): keeps a cell of thousands of runs small in memory."""

_KEPT = 200
"""Runs of a cell up to which the draws of the bootstrap are kept for the next cell (16 MB at most)."""

_GROUPS = 500
"""Parts that a jackknife leaves out one at a time, of so many runs or more."""

_TIE = 1e-9
"""Statistics of resamples that differ by less than this fraction of their range are equal: a resample that is the sample in
another order differs from it in the last bits."""


class Statistic(Protocol):
    """A function such as :func:`numpy.mean` that reduces the given axis."""

    def __call__(self, values: NDArray[np.float64], /, *, axis: int) -> Any:
        """Reduce ``axis`` of ``values``."""


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
        confidence: fraction of intervals that should cover the true value.
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
    fraction_below = ((draws < estimate - tolerance).mean() + (draws <= estimate + tolerance).mean()) / 2
    bias, acceleration = float(ndtri(fraction_below)), _acceleration(sample, statistic)
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
    """Distance below which two draws are equal: a fraction of their range, and never less than rounding."""
    return max(_TIE * float(np.ptp(draws)), 1e-14 * float(np.abs(draws).max()))
