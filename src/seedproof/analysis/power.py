"""How many seeds or runs would decide: closed forms at 80 % power, taking what was estimated as the truth.

They answer the question that an undecided test leaves open. The estimate is uncertain, so the number is a size, not a
promise; it is never smaller than one more than what there is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom

if TYPE_CHECKING:
    from jaxtyping import Num

POWER = 0.8
LARGEST = 100_000
"""More than this many is no answer: the estimate lies on the border, and no number of runs would decide."""


def _both(level: float) -> float:
    return float(ndtri(1 - level) + ndtri(POWER))


def seeds_for_difference(
    first: Num[np.ndarray, " first"],
    second: Num[np.ndarray, " second"],
    *,
    paired: bool,
    bound: float,
    level: float,
    cells: int = 1,
) -> int | None:
    """Seeds per recipe to show, one-sided at ``level``, that a difference of means lies on its side of ``bound``.

    n = (z_level + z_power)^2 V / (difference - bound)^2, V the variance of a pair's difference, or the sum of both
    variances. A rate of 0 or 1 has no variance in the sample, so two seeds are added, one with one failed run and one
    without (pairs: one such difference each way; Agresti and Caffo 2000).

    Args:
        first: failures of each seed as a fraction of its runs, shape (seeds,).
        second: as ``first``, of the same seeds if ``paired``.
        paired: whether to take the variance of the pairs' differences.
        bound: what the difference is compared with.
        level: one-sided.
        cells: runs of a seed.
    """
    distance = abs(float(first.mean() - second.mean()) - bound)
    if paired:
        differences = np.concatenate([first - second, [1 / cells, -1 / cells]])
        variance = float(differences.var())
    else:
        variance = sum(float(np.concatenate([part, [0.0, 1 / cells]]).var()) for part in (first, second))
    return _capped(_both(level) ** 2 * variance / distance**2) if distance > 0 else None


def seeds_for_mean(
    first: Num[np.ndarray, " first"], second: Num[np.ndarray, " second"], *, paired: bool, level: float
) -> int | None:
    """Seeds per recipe to show, one-sided at ``level``, that two means differ the way the samples do.

    n = (z_level + z_power)^2 V / difference^2 + z_level^2 / 2, V the variance of a pair's difference, or the sum of both
    variances; the last term makes up for Student's distribution (Guenther 1981).

    Args:
        first: scores, shape (seeds,).
        second: of the same seeds in the same order if ``paired``.
        paired: whether to take the variance of the pairs' differences.
        level: one-sided.

    Returns:
        None where no number would: equal means, or fewer than two seeds, which have no variance.
    """
    distance = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2 or not abs(distance) > 0:  # NaN included
        return None
    variance = float((first - second).var(ddof=1)) if paired else float(first.var(ddof=1) + second.var(ddof=1))
    return _capped(_both(level) ** 2 * variance / distance**2 + float(ndtri(level)) ** 2 / 2)


def runs_for_fraction(successes: int, runs: int, *, bound: float, level: float) -> int | None:
    """Runs at which an exact binomial test shows that a fraction lies on its side of ``bound``.

    The truth is taken as (successes + 1/2) / (runs + 1). The smallest of 1 to 2,000 with the power; None beyond.
    """
    truth = (successes + 0.5) / (runs + 1)
    if truth == bound:
        return None
    above = truth > bound
    sizes = np.arange(1, 2001)
    if above:
        critical = binom.isf(level, sizes, bound) + 1  # the smallest count with P(X >= count) <= level
        power = binom.sf(critical - 1, sizes, truth)
    else:
        critical = binom.isf(level, sizes, 1 - bound) + 1
        power = binom.sf(critical - 1, sizes, 1 - truth)
    enough = np.flatnonzero(power >= POWER)
    return int(sizes[enough[0]]) if len(enough) else None


def runs_for_shift(superiority: float, *, level: float) -> int | None:
    """Runs per group for a rank-sum test (Noether 1987): N = z^2 / (12 c (1 - c) (P - 1/2)^2), half in each group.

    Never fewer than what full separation needs, which is 1 / C(2n, n) not above ``level``.
    """
    least = next(size for size in range(1, 200) if 1 / math.comb(2 * size, size) <= level)
    distance = abs(superiority - 0.5)
    if not distance > 0:  # NaN included
        return None
    found = least if distance == 0.5 else _capped(_both(level) ** 2 / (6 * distance**2))
    return None if found is None else max(least, found)


def runs_for_correlation(effect: float, *, bound: float, level: float) -> int | None:
    """Runs to show that a rank correlation lies on its side of ``bound`` (Bonett and Wright 2000)."""
    if not math.isfinite(effect):
        return None
    effect = min(max(effect, -0.999), 0.999)
    distance = abs(math.atanh(effect) - math.atanh(bound))
    return _capped(3 + (1 + effect**2 / 2) * (_both(level) / distance) ** 2) if distance > 0 else None


def scaled_by_root_n(n: int, p: float, *, level: float) -> int | None:
    """Where only the p-value is known: the n at which the same effect, its z growing with the root of n, would decide."""
    if not 0 < p < 0.5:
        return None
    return _capped(n * (_both(level) / float(-ndtri(p))) ** 2)


def _capped(size: float) -> int | None:
    return math.ceil(size - 1e-9) if size <= LARGEST else None
