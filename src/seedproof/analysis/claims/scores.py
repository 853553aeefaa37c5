"""The claim that the baseline's scores spread less, and at no price."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import t

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing, Role
from seedproof.analysis.claims.rates import MARGIN, fails_no_more
from seedproof.analysis.power import scaled_by_root_n
from seedproof.analysis.spread import Center, levene
from seedproof.analysis.statistics import standard_deviation
from seedproof.errors import UserError

RATIO = 1.25
"""An SD less than a quarter larger does not matter: from 25 seeds an SD is known to a factor of .78 to 1.39 only."""
SMALLEST_SPREAD = 20
"""Seeds per recipe, as for failure rates."""
SMALLEST_SD = 1e-6
"""An SD below this counts as this: less than one example of a million changes a score by, and a ratio needs a number."""
RESAMPLES = 9999
MOSTLY_FAILED = 0.5
"""A recipe that fails more often than this has no spread to be proud of: failed runs all score alike (paper, Figure 5). So
the claim cannot be shown by such a baseline, nor be shown wrong by such a recipe beside it."""


Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
"""The scores of two recipes on a task."""


NOT_LOWER = 0.5
"""SDs of the other recipe: a mean lower by less lies well inside its box in the figure, and 25 seeds can show that."""

_BATCH = 2_000_000
"""Numbers that are drawn at a time (16 MB)."""


def spreads_less(baseline: Role, other: Role) -> Callable[[Evidence], Finding]:
    """Shown: the SD of ``baseline`` is smaller, by Levene's test with means **and** by Brown and Forsythe's, and it fails no
    more and scores no worse: what learns nothing spreads little.

    One-sided, the tasks' tests combined by Stouffer's method; the largest p-value of the parts. Shown wrong: the ratio of the
    SDs is below :data:`RATIO`. Neither by a small spread of a recipe most of whose runs failed on a task
    (:data:`MOSTLY_FAILED`).
    """

    def examine(evidence: Evidence) -> Finding:
        pairs = _scores(evidence, baseline, other)
        ratio = float(np.exp(np.mean([math.log(_ratio(*pair)) for pair in pairs])))
        draws = _ratio_draws(pairs)
        n = min(len(group) for pair in pairs for group in pair)
        # A bootstrap of fewer runs covers too little (docs/decisions/intervals.md).
        low, high = np.quantile(draws, [0.025, 0.975]).tolist() if n >= SMALLEST_SPREAD else (math.nan, math.nan)
        p_values: dict[Center, float] = {
            center: stouffer([_one_sided(*pair, center) for pair in pairs]) for center in get_args(Center)
        }
        price = {
            "failures": fails_no_more(baseline, other)(evidence).p,
            "means": stouffer([_not_lower(*pair) for pair in pairs]),
        }
        p = max(*p_values.values(), *price.values())
        p_against = float((1 + np.sum(draws >= RATIO)) / (1 + len(draws)))
        seen = (
            f"{_compared(pairs, baseline, other, ratio)} ({_listed(pairs)}); {_tested(p_values, len(pairs))}"
            f"{_failures(evidence, baseline)} and {_failures(evidence, other)} failed"
        )
        seen += f"; it fails at most {MARGIN} more often: p {price['failures']:.2g}; scores no lower: p {price['means']:.2g}"
        failing = {role: max(_failure_rates(evidence, role)) for role in (baseline, other)}
        for role, rate in failing.items():
            if rate > MOSTLY_FAILED:
                seen += f"; but {rate:.0%} of the runs of {role} failed on one task, which makes any spread small"
        p = 1.0 if failing[baseline] > MOSTLY_FAILED else p
        p_against = 1.0 if failing[other] > MOSTLY_FAILED else p_against

        def needed(level: float) -> int | None:
            sizes = [scaled_by_root_n(n, value, level=level) for value in (p, p_against)]
            return min((size for size in sizes if size is not None), default=None)

        if _is_constant(pairs):
            ratio = low = high = math.nan
        return Finding(
            effect_name=f"SD of {other} over {baseline}",
            effect=ratio,
            low=low,
            high=high,
            p=p,
            p_against=p_against,
            n=n,
            unit="seeds",
            test="Levene (means) and Brown-Forsythe, one-sided, both; tasks combined by Stouffer; bootstrap interval",
            seen=seen,
            needed=needed,
        )

    return examine


def _not_lower(baseline: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """One-sided p-value against "the baseline's mean is lower by :data:`NOT_LOWER` SDs of the other or more" (Welch)."""
    spreads = [max(standard_deviation(group), SMALLEST_SD) for group in (baseline, other)]
    errors = [spread**2 / len(group) for spread, group in zip(spreads, (baseline, other), strict=True)]
    distance = float(baseline.mean() - other.mean()) + NOT_LOWER * spreads[1]
    freedom = sum(errors) ** 2 / sum(e**2 / (len(g) - 1) for e, g in zip(errors, (baseline, other), strict=True))
    return float(t.sf(distance / math.sqrt(sum(errors)), freedom))


def _is_constant(pairs: list[Pair]) -> bool:
    """Whether all scores of a recipe on a task are equal: an SD of 0 has no ratio."""
    return any(min(map(standard_deviation, pair)) < SMALLEST_SD for pair in pairs)


def _compared(pairs: list[Pair], baseline: Role, other: Role, ratio: float) -> str:
    if not _is_constant(pairs):
        return f"the SD of {other} is {ratio:.2f} times that of {baseline}"
    return f"the SDs of {other} and {baseline} have no ratio, as one of them is 0"


def _tested(p_values: dict[Center, float], tasks: int) -> str:
    """A clause on the tests, which are other ones than the two-sided tests of one task's pairs; none where there are none."""
    if any(map(math.isnan, p_values.values())):
        return ""
    over = f" over {tasks} tasks" if tasks > 1 else ""
    return (
        f"one-sided{over}, not corrected: Levene p {p_values['mean']:.2g}, Brown-Forsythe p {p_values['median']:.2g}; "
    )


def stouffer(p_values: list[float]) -> float:
    """One p-value from those of independent tests of one direction (Stouffer 1949): the sum of z over the root of k.

    >>> stouffer([0.5, 0.5])
    0.5
    """
    z = -ndtri(np.clip(p_values, 1e-300, 1 - 1e-16))
    return float(ndtr(-z.sum() / math.sqrt(len(z))))


def _scores(evidence: Evidence, baseline: Role, other: Role) -> list[Pair]:
    """Scores of baseline and other on each task."""
    tables = [evidence.of(role) for role in (baseline, other)]
    for table, role in zip(tables, (baseline, other), strict=True):
        scores = table["score"].to_numpy(np.float64)
        if lost := int((~np.isfinite(scores)).sum()):
            raise Missing(
                f"{lost} of {len(table)} runs of {role!r} diverged and have no score, so its spread is not defined"
            )
        if table.groupby("cell").size().min() < 2:
            raise Missing(f"{role!r} has a cell with fewer than two finished runs")
    tasks = [[key[0] for key in evidence.roles[role]] for role in (baseline, other)]
    if tasks[0] != tasks[1]:
        raise UserError(
            f"the roles {baseline!r} and {other!r} must have the same tasks in the same order, found {tasks}"
        )
    groups = [[part["score"].to_numpy(np.float64) for _, part in table.groupby("cell")] for table in tables]
    return list(zip(*groups, strict=True))


def _ratio(baseline: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """SD of other over baseline."""
    return float(max(standard_deviation(other), SMALLEST_SD) / max(standard_deviation(baseline), SMALLEST_SD))


def _one_sided(baseline: NDArray[np.float64], other: NDArray[np.float64], center: Center) -> float:
    """Levene's p for "the deviations of ``other`` are larger"."""
    _, p = levene(baseline, other, center)
    middle = np.mean if center == "mean" else np.median
    larger = np.abs(other - middle(other)).mean() > np.abs(baseline - middle(baseline)).mean()
    return p / 2 if larger else 1 - p / 2


def _ratio_draws(pairs: list[Pair]) -> NDArray[np.float64]:
    """Bootstrap of the geometric mean of the ratios: seeds drawn anew in every group, with a fixed seed."""
    generator = np.random.default_rng(0)
    logs = np.zeros(RESAMPLES)
    for pair in pairs:
        drawn = [_deviation_draws(group, generator) for group in pair]
        logs += np.log(np.maximum(drawn[1], SMALLEST_SD)) - np.log(np.maximum(drawn[0], SMALLEST_SD))
    return np.asarray(np.exp(logs / len(pairs)))


def _deviation_draws(group: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """SDs of resamples of a group, drawn some at a time: of thousands of runs all at once would take half a gigabyte."""
    rows = max(1, _BATCH // len(group))
    parts = []
    for start in range(0, RESAMPLES, rows):
        indices = generator.integers(0, len(group), (min(rows, RESAMPLES - start), len(group)))
        parts.append(standard_deviation(group[indices]))
    return np.concatenate(parts)


def _failure_rates(evidence: Evidence, role: Role) -> pd.Series[Any]:
    runs = evidence.of(role)
    return (runs["outcome"] == "failed").groupby(runs["cell"]).mean()


def _failures(evidence: Evidence, role: Role) -> str:
    runs = evidence.of(role)
    return f"{(runs['outcome'] == 'failed').sum()} of {len(runs)} runs of {role}"


def _listed(pairs: list[Pair]) -> str:
    return ", ".join(
        f"{standard_deviation(other):.3g} against {standard_deviation(baseline):.3g}" for baseline, other in pairs
    )
