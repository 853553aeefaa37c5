"""Is the spread of scores over seeds different? Levene's test with means, as the paper, and Brown and Forsythe's.

Levene (1960) compares absolute deviations from the mean, Brown and Forsythe (1974) from the median; the second keeps its
level when scores are skewed, which they are where some runs fail. A diverged run has no score, so a recipe with one has no
spread, and no test: NaN. All runs failing makes the spread tiny too, so a table shows the failures beside it. P-values are
two-sided and of one pair, not corrected for the number of pairs.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution

from seedproof.analysis.runs import came_to_end, is_stopped, seed_order
from seedproof.analysis.statistics import standard_deviation
from seedproof.errors import UserError

COLUMNS = (
    *("task", "model", "first", "second", "n_first", "n_second", "failed_first", "failed_second"),
    *(
        "sd_first",
        "sd_second",
        "levene",
        "levene_p",
        "brown_forsythe",
        "brown_forsythe_p",
        "reference",
        "star",
        "missing",
    ),
)
SMALLEST = 10
"""Runs of each recipe from which on spreads are tested. The deviations of 2 runs are always equal and make every difference
certain; of 4 runs without a real difference a seventh are starred where runs fail (``docs/decisions/intervals.md``)."""
STAR = 0.001
"""Level of the star in the paper's Table 1."""
Center = Literal["mean", "median"]


def levene(first: ArrayLike, second: ArrayLike, center: Center = "mean") -> tuple[float, float]:
    """Levene's test of two groups; equal to :func:`scipy.stats.levene`, with an answer in the degenerate cases.

    Returns:
        The statistic W and its two-sided p-value. NaN for a group of fewer than :data:`SMALLEST` or with a value that is
        not finite, and where the deviations inside each group are all equal, so that no difference has a measure; 0 and 1
        where neither group has a spread.
    """
    groups = [np.asarray(group, np.float64) for group in (first, second)]
    if why_no_test(*groups):
        return math.nan, math.nan
    middle = np.mean if center == "mean" else np.median
    # Equal values must have deviations of exactly 0, whatever rounding does to their mean.
    shifted = [group - group[0] for group in groups]
    deviations = [np.abs(group - middle(group)) for group in shifted]
    means = [group.mean() for group in deviations]
    count = sum(map(len, groups))
    whole = sum(group.sum() for group in deviations) / count
    between = sum(len(group) * (mean - whole) ** 2 for group, mean in zip(deviations, means, strict=True))
    within = sum(((group - mean) ** 2).sum() for group, mean in zip(deviations, means, strict=True))
    # Deviations that are equal but for rounding would make any difference certain.
    if within <= 1e-20 * sum((group**2).sum() for group in deviations):
        return (math.nan, math.nan) if between > 0 else (0.0, 1.0)
    statistic = float((count - 2) * between / within)
    return statistic, float(f_distribution.sf(statistic, 1, count - 2))


def why_no_test(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """Why two groups of scores are not tested; empty where they are."""
    groups = (first, second)
    if diverged := sum(int((~np.isfinite(group)).sum()) for group in groups):
        return f"{diverged} diverged run{'s' if diverged > 1 else ''} without a score"
    fewest = min(map(len, groups))
    return f"fewer than {SMALLEST} runs" if fewest < SMALLEST else ""


def spread_tests(runs: pd.DataFrame, task: str, model: str | None = None) -> pd.DataFrame:
    """Compare the spread of scores of every two recipes on one task.

    Args:
        runs: the table of runs; those that are finished count.
        task: whose runs to compare.
        model: whose; None where the task was run with one model only.

    Returns:
        Columns ``COLUMNS``, a row per pair, ``first`` the recipe with the smaller SD (n-1). ``reference`` marks pairs
        with the recipe of the second smallest SD, ``star`` as in the paper's Table 1: the recipe of the smallest SD
        against that of the second smallest, Levene's p (means) below .001. Statistics that are not defined are NaN, and
        ``missing`` says why.

    Raises:
        UserError: the task has no finished run, fewer than two recipes, or several models and none was named.
    """
    if (stopped := is_stopped(of_task := runs[runs["task"] == task])).any():
        raise UserError(
            f"{stopped.sum()} runs of task {task!r} were stopped early, and those that finished were selected, so their spread "
            "is not that of the recipes; compare recipes on runs that all go to their end"
        )
    finished = came_to_end(of_task)
    models = sorted(set(finished["model"]))
    if model is None and len(models) > 1:
        raise UserError(f"task {task!r} was run with {', '.join(models)}; name the model to compare recipes of")
    if model is not None:
        finished = finished[finished["model"] == model]
    groups = {
        str(recipe): part.sort_values("seed", key=lambda seeds: seeds.map(seed_order))
        for recipe, part in finished.groupby("recipe", sort=False)
    }
    if len(groups) < 2:
        raise UserError(
            f"task {task!r} has finished runs of {len(groups)} recipes; two are needed to compare their spread"
        )
    deviations = {recipe: standard_deviation(part["score"].to_numpy(np.float64)) for recipe, part in groups.items()}
    # NaN last: a recipe without a spread has neither the smallest nor the second smallest.
    order = sorted(groups, key=lambda recipe: (math.isnan(deviations[recipe]), deviations[recipe]))
    rows = [
        _row(groups[first], groups[second], second=order.index(second), first=order.index(first))
        for first, second in itertools.combinations(order, 2)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(smaller: pd.DataFrame, larger: pd.DataFrame, *, first: int, second: int) -> dict[str, object]:
    scores = [part["score"].to_numpy(np.float64) for part in (smaller, larger)]
    row: dict[str, object] = {name: smaller[name].iloc[0] for name in ("task", "model")}
    for side, part, values in zip(("first", "second"), (smaller, larger), scores, strict=True):
        row |= {side: part["recipe"].iloc[0], f"n_{side}": len(part), f"sd_{side}": standard_deviation(values)}
        row |= {f"failed_{side}": int((part["outcome"] == "failed").sum())}
    row["levene"], row["levene_p"] = levene(scores[0], scores[1], "mean")
    row["brown_forsythe"], row["brown_forsythe_p"] = levene(scores[0], scores[1], "median")
    row["reference"] = 1 in (first, second)
    row["star"] = (first, second) == (0, 1) and row["levene_p"] < STAR  # type: ignore[operator]
    is_equal = math.isnan(row["levene_p"]) or math.isnan(row["brown_forsythe_p"])  # type: ignore[arg-type]
    row["missing"] = why_no_test(*scores) or ("deviations inside each group are all equal" if is_equal else "")
    return row
