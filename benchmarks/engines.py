"""Do the plain and the fleet engine give the same failure rates and scores? 50 seeds of each, with dropout.

    python benchmarks/engines.py --out DIR [--task miniature/acceptability] [--seeds 50] [--jobs N]

Both engines take the same heads and the same order of the data; their dropout masks differ, as those of two seeds do, and
an unstable run makes a difference in the last bit large. So runs cannot be compared one by one, only as samples. Printed:
failed runs and scores of both, exact tests of a difference, its interval, and the power of the tests: the smallest
difference that they would have found in four studies of five. Stores are kept in DIR and are continued.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import seedproof as sp
from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.statistics import wilson_interval

LEVEL, POWER, DRAWS = 0.05, 0.8, 2000
Sample = NDArray[np.float64]


def failures_and_scores(engine: str, arguments: argparse.Namespace) -> tuple[NDArray[np.int64], Sample]:
    """1 for every failed run, and the scores of all runs; by seed."""
    study = sp.Study(f"engine {engine}", tasks=[sp.load_task(arguments.task)], models=[arguments.model],
                     recipes=[sp.recipe("devlin")], seeds=range(arguments.seeds), engine=engine)  # fmt: skip
    runs = study.run(Path(arguments.out) / engine, jobs=arguments.jobs).runs()
    if not (runs["state"] == "finished").all():
        raise SystemExit(f"not all runs of the {engine} engine are finished; run this again")
    return (runs["outcome"] == "failed").to_numpy(np.int64), runs["score"].to_numpy(np.float64)


def power(test: Callable[[np.random.Generator, float], float], sizes: NDArray[np.float64]) -> float:
    """The smallest of the sizes that the test finds with the wanted power."""
    for size in sizes:
        rng = np.random.default_rng(0)
        if np.mean([test(rng, float(size)) < LEVEL for _ in range(DRAWS)]) >= POWER:
            return float(size)
    return float("nan")


def failure_power(rate: float, seeds: int) -> float:
    """Of Fisher's exact test: the smallest difference of failure rates above this one."""

    def test(rng: np.random.Generator, difference: float) -> float:
        first, second = rng.binomial(seeds, rate), rng.binomial(seeds, rate + difference)
        return float(stats.fisher_exact([[first, seeds - first], [second, seeds - second]])[1])

    return power(test, np.arange(0.02, 1.0 - rate, 0.02))


def shift_power(scores: Sample, seeds: int) -> float:
    """Of the Mann-Whitney test: the smallest shift of scores drawn from these."""

    def test(rng: np.random.Generator, shift: float) -> float:
        first, second = rng.choice(scores, seeds), rng.choice(scores, seeds) + shift
        return float(stats.mannwhitneyu(first, second).pvalue)

    return power(test, np.arange(0.005, 0.5, 0.005))


def main() -> None:
    """Run both engines and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--task", default="miniature/acceptability")
    parser.add_argument("--model", default="miniature/bert")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--jobs", type=int)
    arguments = parser.parse_args()
    seeds = arguments.seeds
    samples = {engine: failures_and_scores(engine, arguments) for engine in ("plain", "fleet")}
    for engine, (failed, scores) in samples.items():
        low, high = wilson_interval(int(failed.sum()), seeds)
        print(f"{engine:6} failed {failed.sum()} of {seeds} (Wilson {low:.3f} to {high:.3f}); score median "
              f"{np.median(scores):.3f}, mean {scores.mean():.3f}, SD {scores.std(ddof=1):.3f}")  # fmt: skip
    (plain_failed, plain_scores), (fleet_failed, fleet_scores) = samples.values()
    difference = RateDifference(plain_failed, fleet_failed, cells=1, paired=False)
    low, high = difference.interval()
    table = [[int(each.sum()), seeds - int(each.sum())] for each in (plain_failed, fleet_failed)]
    rate = (difference.rates[0] + difference.rates[1]) / 2
    print(f"failure rates, plain - fleet: {difference.effect:+.3f} (Newcombe {low:+.3f} to {high:+.3f}), "
          f"Fisher's exact p = {stats.fisher_exact(table)[1]:.3f}; power {POWER:.0%} from a difference of "
          f"{failure_power(rate, seeds):.2f}")  # fmt: skip
    shift = shift_power(np.concatenate([plain_scores, fleet_scores]), seeds)
    print(f"scores: Mann-Whitney p = {stats.mannwhitneyu(plain_scores, fleet_scores).pvalue:.3f}, power {POWER:.0%} from "
          f"a shift of {shift:.3f}; Kolmogorov-Smirnov p = {stats.ks_2samp(plain_scores, fleet_scores).pvalue:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
