"""Statistics of a handful of runs: pure functions from numbers to numbers, each with a closed form to test against.

The runs of one cell are few (5 to 50) and their scores far from normal (a failed run sits at the majority score). So a
rate gets Wilson's interval (Wilson 1927, JASA 22:209). Given success scores are roughly normal: their mean gets Student's
interval and their standard deviation the chi-square interval, which hold from two runs on. Over all runs there is the
bootstrap (:mod:`seedproof.analysis.bootstrap`), which needs more. A number that is not finite is never dropped: it makes
the result NaN.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, chdtri, ndtri, stdtrit

from seedproof.errors import UserError, unknown

Divisor = Literal["n-1", "n"]
"""What the sum of squared deviations is divided by: ``n-1`` makes the variance unbiased, the paper's match ``n``."""


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


def clopper_pearson_interval(events: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval for a rate, two-sided (1934, Biometrika 26:404): never less sure than it says.

    Where a rate is promised not to be exceeded it stands for Wilson's, which is shorter and right on average only. 0 of n
    leave rates up to 1 - .025^(1/n): 1 % with 368 runs.

    Returns:
        Lower and upper end, both in [0, 1].

    Raises:
        UserError: ``events`` is not between 0 and ``runs``, or ``confidence`` not between 0 and 1.
    """
    if not 0 <= events <= runs:
        raise UserError(f"events must be between 0 and the number of runs, {runs}, but is {events}")
    tail = (1 - check_confidence(confidence)) / 2
    low = 0.0 if events == 0 else float(betaincinv(events, runs - events + 1, tail))
    return low, 1.0 if events == runs else float(betaincinv(events + 1, runs - events, 1 - tail))


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


def t_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of roughly normal ``values``, shape (n,) (Student 1908).

    Returns:
        Lower and upper end; (NaN, NaN) for fewer than two values, equal ones, or one that is not finite.
    """
    array = np.asarray(values, np.float64)
    deviation = float(standard_deviation(array))
    tail = (1 - check_confidence(confidence)) / 2
    if not 0 < deviation < math.inf:  # NaN included
        return math.nan, math.nan
    half = -float(stdtrit(len(array) - 1, tail)) * deviation / math.sqrt(len(array))
    return float(array.mean()) - half, float(array.mean()) + half


def chi_square_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the standard deviation of roughly normal ``values``, shape (n,), from the chi-square distribution.

    It is about the deviation of all runs that could be made, whichever divisor estimates it.

    Returns:
        Lower and upper end; (NaN, NaN) as :func:`t_interval`.
    """
    array = np.asarray(values, np.float64)
    deviation = float(standard_deviation(array))
    tail = (1 - check_confidence(confidence)) / 2
    if not 0 < deviation < math.inf:  # NaN included
        return math.nan, math.nan
    degrees = len(array) - 1
    low, high = (deviation * math.sqrt(degrees / float(chdtri(degrees, fraction))) for fraction in (tail, 1 - tail))
    return low, high


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
