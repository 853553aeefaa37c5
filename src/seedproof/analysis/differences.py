"""Differences of a recipe from another one: in failure rate, mean and standard deviation, with intervals and tests.

Two recipes that ran on the same seeds are compared seed by seed. The rates: :mod:`seedproof.analysis.comparisons`. The means
over all runs: the exact sign-flip test of the seeds' differences and Student's interval of their mean; on different seeds
Welch's (1947). The standard deviations: an interval from those of the two (Zou and Donner 2008, the same step that makes
Newcombe's interval of a difference of rates), and no test: Levene's is in :mod:`seedproof.analysis.spread`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ttest_1samp, ttest_ind

from seedproof.analysis.comparisons import SMALLEST_SEEDS, RateDifference, sign_flip_p
from seedproof.analysis.power import seeds_for_difference, seeds_for_mean
from seedproof.analysis.statistics import t_interval
from seedproof.analysis.summary import SMALLEST_OVER_ALL

RESOLUTION = 1e-4
"""Scores are compared to this, a tenth of the last digit that is shown: the exact test counts whole numbers. It is of 1 for
scores between 0 and 1, and of the largest difference's power of ten for errors in a unit of their own, such as euros."""
SMALLEST_TOLD = 100 * RESOLUTION
"""Largest difference from which on ten-thousandths of 1 tell differences apart."""
MOST_EXACT = 100
"""Pairs up to which the test of means is exact; of more it is Student's, which agrees."""


@dataclass(frozen=True)
class Difference:
    """A number of one recipe minus that of the baseline."""

    effect: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    """Two-sided, against "there is no difference"."""
    p_corrected: float = math.nan
    """Holm's p-value over the recipes that are compared with the baseline on this task and model."""
    seeds_needed: int | None = None
    """Seeds of each recipe that would decide, if things are as estimated; None: no number would, or it is decided."""
    missing: str = ""
    """Why there is no interval, or no difference at all."""


@dataclass(frozen=True)
class Comparison:
    """A recipe against the baseline on one task and model."""

    recipe: str
    baseline: str
    seeds: int
    """Compared: pairs, or of the smaller recipe where the seeds differ."""
    paired: bool
    failed: tuple[int, int]
    """Failed runs of the recipe and of the baseline, among the ``runs`` compared."""
    runs: tuple[int, int]
    means: tuple[float, float]
    rate: Difference
    mean: Difference
    sd: Difference


def compare(cell: Mapping[str, Any], baseline: Mapping[str, Any], level: float) -> Comparison:
    """Compare two rows of a summary, nothing corrected yet.

    Args:
        cell: of :func:`seedproof.analysis.summarize`, with a finished run.
        baseline: likewise.
        level: two-sided, at which ``seeds_needed`` is computed.
    """
    sides, paired = _matched(cell, baseline)
    failed = [np.array([outcome != "succeeded" for outcome in side["outcomes"]], np.int64) for side in sides]
    scores = [np.array(side["values"], np.float64) for side in sides]
    confidence = float(cell["confidence"])
    return Comparison(
        recipe=str(cell["recipe"]),
        baseline=str(baseline["recipe"]),
        seeds=min(map(len, scores)),
        paired=paired,
        failed=(int(failed[0].sum()), int(failed[1].sum())),
        runs=(len(scores[0]), len(scores[1])),
        means=(float(scores[0].mean()), float(scores[1].mean())),
        rate=_rate(RateDifference(failed[0], failed[1], 1, paired), confidence, level),
        mean=_mean(scores[0], scores[1], paired, confidence, level),
        sd=sd_difference(cell, baseline),
    )


SELECTED = "runs were stopped early, and those that finished were selected"
"""Why runs of a race are not compared."""


def not_compared(comparison: Comparison) -> Comparison:
    """A comparison of recipes of which runs were stopped: their finished runs are no samples, so nothing is compared."""
    nothing = Difference(math.nan, missing=SELECTED)
    return dataclasses.replace(comparison, rate=nothing, mean=nothing, sd=nothing)


def _matched(cell: Mapping[str, Any], baseline: Mapping[str, Any]) -> tuple[list[dict[str, list[Any]]], bool]:
    """Outcomes and values of both over the seeds that they share, and True; of all runs where they share too few."""
    rows = [_by_seed(cell), _by_seed(baseline)]
    shared = [seed for seed in rows[0] if seed in rows[1]]
    is_unique = all(len(row) == len(side["seeds"]) for row, side in zip(rows, (cell, baseline), strict=True))
    paired = is_unique and 2 * len(shared) >= max(map(len, rows))
    sides = []
    for row, side in zip(rows, (cell, baseline), strict=True):
        pairs = [row[seed] for seed in shared] if paired else list(zip(side["outcomes"], side["values"], strict=True))
        sides.append({"outcomes": [pair[0] for pair in pairs], "values": [pair[1] for pair in pairs]})
    return sides, paired


def _by_seed(cell: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    return dict(zip(cell["seeds"], zip(cell["outcomes"], cell["values"], strict=True), strict=True))


def _rate(difference: RateDifference, confidence: float, level: float) -> Difference:
    swapped = dataclasses.replace(difference, first=difference.second, second=difference.first)
    p = min(1.0, 2 * min(difference.p_above_zero(), swapped.p_above_zero()))
    fractions = difference.first.astype(np.float64), difference.second.astype(np.float64)
    needed = seeds_for_difference(*fractions, paired=difference.paired, bound=0.0, level=level / 2)
    seeds = min(map(len, fractions))
    low, high = difference.interval(confidence)
    missing = f"fewer than {SMALLEST_SEEDS} seeds" if math.isnan(low) else ""
    return Difference(difference.effect, low, high, p, seeds_needed=_enough(needed, seeds, level), missing=missing)


def _mean(
    first: NDArray[np.float64], second: NDArray[np.float64], paired: bool, confidence: float, level: float
) -> Difference:
    """Difference of the mean scores of all runs, failed ones included."""
    if lost := int(sum((~np.isfinite(part)).sum() for part in (first, second))):
        return Difference(math.nan, missing=f"{lost} diverged run{'s' if lost > 1 else ''} without a score")
    effect = float(first.mean() - second.mean())
    few = f"fewer than {SMALLEST_OVER_ALL} seeds" if min(len(first), len(second)) < SMALLEST_OVER_ALL else ""
    needed = seeds_for_mean(first, second, paired=paired, level=level / 2)
    needed = _enough(needed, min(len(first), len(second)), level)
    if paired:
        low, high = t_interval(first - second, confidence)
        p = sign_flip(first - second)
    elif few:
        low = high = p = math.nan
    else:
        found = ttest_ind(first, second, equal_var=False)
        (low, high), p = found.confidence_interval(confidence), float(found.pvalue)
    if few:
        return Difference(effect, p=p, seeds_needed=needed, missing=few)
    missing = "all differences are equal" if math.isnan(low) else ""
    return Difference(effect, float(low), float(high), p, seeds_needed=needed, missing=missing)


def sign_flip(differences: NDArray[np.float64]) -> float:
    """Two-sided p-value of paired differences, shape (pairs,): under no difference each could have the other sign.

    >>> sign_flip(np.array([0.1, 0.2, 0.1, 0.3, 0.1, 0.2]))  # six of one sign: 2 of 64
    0.03125
    """
    if len(differences) > MOST_EXACT:
        p = float(ttest_1samp(differences, 0.0).pvalue)
        return 1.0 if math.isnan(p) else p  # all differences are 0
    steps = np.round(differences / (RESOLUTION * _power_of_ten(differences)))
    return min(1.0, 2 * min(sign_flip_p(steps), sign_flip_p(-steps)))


def _power_of_ten(differences: NDArray[np.float64]) -> float:
    """The one above the largest difference; 1 where ten-thousandths tell the differences apart."""
    largest = float(np.abs(differences).max(initial=0.0))
    return 1.0 if largest == 0 or SMALLEST_TOLD <= largest <= 1 else 10.0 ** math.ceil(math.log10(largest))


def sd_difference(cell: Mapping[str, Any], baseline: Mapping[str, Any]) -> Difference:
    """Difference of the standard deviations of all runs of both, whatever seeds they share."""
    (s, low_s, high_s), (t, low_t, high_t) = ((row["sd"], row["sd_low"], row["sd_high"]) for row in (cell, baseline))
    effect = float(s - t)
    if math.isnan(effect):
        return Difference(effect, missing="a recipe without an SD")
    if any(map(math.isnan, (low_s, low_t))):
        few = min(cell["finished"], baseline["finished"]) < SMALLEST_OVER_ALL
        why = f"fewer than {SMALLEST_OVER_ALL} seeds" if few else "a recipe whose scores are all equal"
        return Difference(effect, missing=why)
    return Difference(effect, effect - math.hypot(s - low_s, high_t - t), effect + math.hypot(high_s - s, t - low_t))


def _enough(needed: int | None, seeds: int, level: float) -> int | None:
    """Never fewer seeds than the exact test of pairs needs to get below ``level``, 2 / 2^n; of few seeds no other number."""
    least = math.ceil(1 - math.log2(level))
    if seeds < SMALLEST_SEEDS:
        return max(least, seeds + 1)
    return None if needed is None else max(needed, least, seeds + 1)
