"""How often 95 % intervals and tests of few runs hold what they say: the numbers of ``docs/decisions/intervals.md``.

python benchmarks/coverage.py [SAMPLES]

A run fails with a given probability and then scores .527, else its score is drawn from a normal distribution of mean .7 and
standard deviation .02. Prints, per number of runs, the fraction of samples whose interval covers the truth; for Levene's tests of
two equal groups the fraction of false alarms. The program's smallest numbers of runs are taken away for that: this is where they
come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis import comparisons, spread
from seedproof.analysis.bootstrap import bca_interval
from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.differences import sd_difference
from seedproof.analysis.ranks import rank_correlation
from seedproof.analysis.spread import levene
from seedproof.analysis.statistics import chi_square_interval, standard_deviation, t_interval

FAILED, MEAN, DEVIATION = 0.527, 0.7, 0.02
GENERATOR = np.random.default_rng(0)

Scores = NDArray[np.float64]
Interval = tuple[float, float]


def draw(samples: int, runs: int, rate: float) -> Scores:
    """Scores, shape (samples, runs)."""
    good = GENERATOR.normal(MEAN, DEVIATION, (samples, runs))
    return np.where(GENERATOR.random((samples, runs)) < rate, FAILED, good)


def truth(rate: float) -> tuple[float, float]:
    """Mean and standard deviation of all runs that could be made."""
    distance = MEAN - FAILED
    return MEAN - rate * distance, float(np.sqrt((1 - rate) * DEVIATION**2 + rate * (1 - rate) * distance**2))


def coverage(intervals: Sequence[Interval], value: float) -> str:
    """The share that cover ``value`` of the intervals that there are: equal scores have none."""
    covered = [low <= value <= high for low, high in intervals if np.isfinite(low)]
    return f"{np.mean(covered):.2f}" if covered else "   –"


def given_success(samples: int) -> None:
    """Student's and the chi-square interval, for normal and for skewed scores."""
    skewed = "gamma, shape 2"
    print(f"given success            runs   mean (t)   SD (chi-square); in brackets scores that are skewed ({skewed})")
    for runs in (2, 3, 5, 10, 25):
        normal, gamma = draw(samples, runs, 0.0), GENERATOR.gamma(2, DEVIATION / np.sqrt(2), (samples, runs))
        mean = DEVIATION * np.sqrt(2)
        print(
            f"{runs:>29}   {coverage([*map(t_interval, normal)], MEAN)} ({coverage([*map(t_interval, gamma)], mean)})"
            f"   {coverage([*map(chi_square_interval, normal)], DEVIATION)} "
            f"({coverage([*map(chi_square_interval, gamma)], DEVIATION)})"
        )


def over_all(samples: int) -> None:
    """The BCa bootstrap of a mixture, apart for samples that show a failure and for those that do not."""
    print("over all runs, BCa       rate   runs   mean: failure seen, unseen   SD: failure seen, unseen   seen in")
    for rate in (0.0, 0.05, 0.2, 0.5, 0.8):
        mean, deviation = truth(rate)
        for runs in (3, 5, 8, 10, 15, 25):
            scores = draw(samples, runs, rate)
            seen = (scores == FAILED).any(axis=1)
            words = []
            for statistic, value in ((np.mean, mean), (standard_deviation, deviation)):
                ends = [bca_interval(sample, statistic, resamples=999) for sample in scores]
                parts = (
                    [pair for pair, shown in zip(ends, seen, strict=True) if shown is wanted]
                    for wanted in (np.True_, np.False_)
                )
                words += [coverage(part, value) for part in parts]
            print(f"{rate:>29.2f}   {runs:>4}   {'   '.join(words)}   {seen.mean():.2f}", flush=True)


def rates(samples: int) -> None:
    """Newcombe's interval of a difference of failure rates, pairs of seeds."""
    print("rates, Newcombe          runs   by pair of rates: .05 .05, .3 .05, .5 .5, .9 .1")
    for runs in (2, 3, 4, 5, 8, 10, 25):
        fractions = []
        for first, second in ((0.05, 0.05), (0.3, 0.05), (0.5, 0.5), (0.9, 0.1)):
            drawn = [(GENERATOR.random((samples, runs)) < rate).astype(np.int64) for rate in (first, second)]
            pairs = [RateDifference(a, b, 1, paired=True) for a, b in zip(*drawn, strict=True)]
            fractions.append(coverage([pair.interval() for pair in pairs], first - second))
        print(f"{runs:>29}   {'  '.join(fractions)}")


def correlations(samples: int) -> None:
    """Bonett and Wright's interval of Spearman's correlation of normal pairs."""
    print("rank correlation         runs   at 0, .3, .7 (Pearson's)")
    for runs in (4, 5, 6, 8, 10, 30):
        fractions = []
        for rho in (0.0, 0.3, 0.7):
            first = GENERATOR.normal(size=(samples, runs))
            second = rho * first + np.sqrt(1 - rho**2) * GENERATOR.normal(size=(samples, runs))
            found = [rank_correlation(a, b).interval() for a, b in zip(first, second, strict=True)]
            fractions.append(coverage(found, 6 / np.pi * np.arcsin(rho / 2)))
        print(f"{runs:>29}   {'  '.join(fractions)}")


def spreads(samples: int) -> None:
    """False alarms of Levene's test (means, as the paper) and Brown and Forsythe's (medians) at .05 and .001."""
    print("two equal spreads        rate   runs   Levene .05, .001   Brown-Forsythe .05, .001")
    for rate in (0.0, 0.3):
        for runs in (2, 3, 4, 5, 6, 8, 10, 25):
            pairs = list(zip(draw(samples, runs, rate), draw(samples, runs, rate), strict=True))
            p_values = [np.array([levene(a, b, center)[1] for a, b in pairs]) for center in ("mean", "median")]
            words = [f"{np.mean(p < level):.3f}" for p in p_values for level in (0.05, 0.001)]
            print(f"{rate:>29.2f}   {runs:>4}   {'  '.join(words)}")


def differences(samples: int) -> None:
    """Differences of two recipes over all runs, in samples that show a failure of each recipe that has any."""
    print("differences              rates      runs   mean (t of pairs)   SD (from both intervals)")
    for rates_ in ((0.0, 0.0), (0.0, 0.2), (0.2, 0.2), (0.0, 0.5), (0.2, 0.6)):
        (mean, sd), (other_mean, other_sd) = map(truth, rates_)
        for runs in (10, 25):
            means, deviations = [], []
            for first, second in zip(*(draw(samples, runs, rate) for rate in rates_), strict=True):
                pair = [_cell(first), _cell(second)]
                if all((cell["failed"] > 0) == (rate > 0) for cell, rate in zip(pair, rates_, strict=True)):
                    means.append(t_interval(first - second))
                    difference = sd_difference(*pair)
                    deviations.append((difference.low, difference.high))
            words = coverage(means, mean - other_mean), coverage(deviations, sd - other_sd)
            print(f"{'{:.1f} {:.1f}'.format(*rates_):>32}   {runs:>4}   {'   '.join(words)}", flush=True)


def _cell(scores: Scores) -> dict[str, float]:
    """What a difference of standard deviations needs of a row of a summary."""
    failed = int((scores == FAILED).sum())
    low, high = bca_interval(scores, standard_deviation, resamples=999) if failed else chi_square_interval(scores)
    return {"failed": failed, "finished": len(scores), "sd": standard_deviation(scores), "sd_low": low, "sd_high": high}


PARTS: Sequence[tuple[Callable[[int], None], int]] = (
    (given_success, 1),
    (over_all, 1),
    (rates, 1),
    (correlations, 1),
    (spreads, 5),
    (differences, 1),
)
"""What is measured, and with how many times as many samples."""

if __name__ == "__main__":
    comparisons.SMALLEST_SEEDS, spread.SMALLEST = 1, 2
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for part, times in PARTS:
        part(size * times)
