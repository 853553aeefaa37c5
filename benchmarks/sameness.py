"""Do the plain and the fleet engine, or fp32 and bf16, give the same failure rates and scores? With dropout, over seeds.

    python benchmarks/sameness.py engines --out DIR [--seeds 50] [--task miniature/acceptability] [--jobs N]
    python benchmarks/sameness.py precisions --out DIR --seeds 8 --task glue/cola --data-dir glue_data --model MODEL \\
        --recipe 'devlin(bias_correction=True)' --learning-rate 5e-5

Both sides take the same heads and the same order of the data. The engines' dropout masks differ, as those of two seeds do
(the precisions' do not), and an unstable run makes a difference in the last bit large. So runs cannot be compared one by
one, only as samples. Printed: failed runs and scores of both, exact tests of a difference, its interval, and the power of
the tests: the smallest difference that they would have found in four studies of five. Stores are kept in DIR and are
continued.
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


def failures_and_scores(
    name: str, sides: dict[str, str], arguments: argparse.Namespace
) -> tuple[NDArray[np.int64], Sample]:
    """1 for every failed run, and the scores of all runs; by seed."""
    task = sp.load_task(arguments.task, **({"data_dir": arguments.data_dir} if arguments.data_dir else {}))
    settings = {} if arguments.learning_rate is None else {"learning_rate": arguments.learning_rate}
    study = sp.Study(
        f"sameness {name}",
        tasks=[task],
        models=[arguments.model],
        recipes=[arguments.recipe],
        seeds=range(arguments.seeds),
        settings=settings,
        device="cpu",
        **sides,
    )
    runs = study.run(Path(arguments.out) / name, jobs=arguments.jobs).runs()
    if not (runs["state"] == "finished").all():
        raise SystemExit(f"not all runs of {name} are finished; run this again")
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


SIDES: dict[str, dict[str, dict[str, str]]] = {
    "engines": {"plain": {"engine": "plain"}, "fleet": {"engine": "fleet"}},
    "precisions": {each: {"engine": "fleet", "precision": each} for each in ("fp32", "bf16")},
}


def parse() -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compared", choices=SIDES)
    parser.add_argument("--out", required=True)
    parser.add_argument("--task", default="miniature/acceptability")
    parser.add_argument("--data-dir")
    parser.add_argument("--model", default="miniature/bert")
    parser.add_argument("--recipe", default="devlin")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--jobs", type=int)
    return parser.parse_args()


def compare_failures(first: NDArray[np.int64], second: NDArray[np.int64], names: str) -> None:
    """Print the difference of the failure rates."""
    difference, seeds = RateDifference(first, second, cells=1, paired=False), len(first)
    low, high = difference.interval()
    table = [[int(each.sum()), seeds - int(each.sum())] for each in (first, second)]
    rate = (difference.rates[0] + difference.rates[1]) / 2
    print(
        f"failure rates, {names}: {difference.effect:+.3f} (Newcombe {low:+.3f} to {high:+.3f}), "
        f"Fisher's exact p = {stats.fisher_exact(table)[1]:.3f}; power {POWER:.0%} from a difference of "
        f"{failure_power(rate, seeds):.2f}"
    )


def compare_scores(first: Sample, second: Sample, names: str) -> None:
    """Print the difference of the scores."""
    welch = stats.ttest_ind(first, second, equal_var=False)
    low, high = welch.confidence_interval(1 - LEVEL)
    shift = shift_power(np.concatenate([first, second]), len(first))
    print(
        f"mean scores, {names}: {first.mean() - second.mean():+.4f} (Welch {low:+.4f} to {high:+.4f}), "
        f"Mann-Whitney p = {stats.mannwhitneyu(first, second).pvalue:.3f}, power {POWER:.0%} from a shift of "
        f"{shift:.3f}; Kolmogorov-Smirnov p = {stats.ks_2samp(first, second).pvalue:.3f}"
    )


def main() -> None:
    """Run both sides and compare."""
    arguments = parse()
    sides = SIDES[arguments.compared]
    samples = {name: failures_and_scores(name, side, arguments) for name, side in sides.items()}
    for name, (failed, scores) in samples.items():
        low, high = wilson_interval(int(failed.sum()), len(failed))
        print(
            f"{name:6} failed {failed.sum()} of {len(failed)} (Wilson {low:.3f} to {high:.3f}); score median "
            f"{np.median(scores):.3f}, mean {scores.mean():.3f}, SD {scores.std(ddof=1):.3f}"
        )
    (first_failed, first_scores), (second_failed, second_scores) = samples.values()
    names = " - ".join(sides)
    compare_failures(first_failed, second_failed, names)
    compare_scores(first_scores, second_scores, names)


if __name__ == "__main__":
    main()
