"""How stable is each recipe: one row per task, model and recipe of a study.

Stability is the spread, over random seeds, of the development score at the end of training (paper, section 3). Most of
that spread is the failure rate, so the failures are counted with their own interval and every statistic is given twice:
over all finished runs, and over those that succeeded. A diverged run has no score: it is counted as failed, stays in
every denominator, and makes the statistics over all runs NaN. Runs that are not finished are counted, nothing more.

No interval is given below the number of runs at which it holds (measured: ``docs/decisions/intervals.md``). Given success
it is Student's for the mean and the chi-square interval for the standard deviation, from two runs on. Over all runs, a
mixture of two outcomes, it is the BCa bootstrap from :data:`SMALLEST_OVER_ALL` runs on. Where no run failed both are the
same, and failures that the seeds did not show are in neither: the upper end of the failure rate says how many there may be.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.analysis.bootstrap import RESAMPLES, bca_interval
from seedproof.analysis.endings import KINDS
from seedproof.analysis.runs import COVERS, came_to_end, is_stopped, seed_order
from seedproof.analysis.statistics import (
    Divisor,
    check_confidence,
    check_divisor,
    chi_square_interval,
    standard_deviation,
    t_interval,
    wilson_interval,
)
from seedproof.errors import UserError

CELL = ["task", "model", "recipe"]
NEEDED = [*CELL, "seed", "run", "state", "outcome", "reason", "metric", "score", "majority"]
"""Columns of the table of runs that a summary is made from."""
ASIDE = {"kind": None, "positive_class": None, COVERS: False}
"""Columns that are summarised where the table has them, and what stands for one that it lacks."""

SMALLEST_OVER_ALL = 10
"""Finished runs from which on mean and standard deviation over all runs have an interval: where a failure was seen, the 95 %
intervals then cover 88 to 99 % (of the standard deviation of 5 runs 71 to 92 %)."""
SMALLEST_DEVIATION = 2
"""Runs from which on there are a standard deviation and, given success, intervals."""

_SCORES = ("mean", "mean_low", "mean_high", "sd", "sd_low", "sd_high", "median", "maximum", "minimum")
_COUNTS = ("runs", "finished", "stopped", "failed", "diverged", "failure_rate", "failure_low", "failure_high")
_SETTINGS = ("sd_divisor", "confidence", "resamples")
_RUNS = ("seeds", "values", "outcomes", "kinds", "covering")
_OF_SAMPLES = (
    *("failure_rate", "failure_low", "failure_high"),
    *(f"{prefix}{name}_{end}" for prefix in ("", "succeeded_") for name in ("mean", "sd") for end in ("low", "high")),
)
"""Statistics that say something of a recipe only where the runs are a sample of its runs."""
_SUCCEEDED = ("succeeded", *(f"succeeded_{name}" for name in _SCORES))
COLUMNS = (
    *CELL,
    "metric",
    "positive_class",
    "majority",
    *_COUNTS,
    *KINDS,
    COVERS,
    *_SCORES,
    *_SUCCEEDED,
    *_SETTINGS,
    *_RUNS,
)
"""Columns of a summary, in their order."""


def summarize(
    runs: pd.DataFrame, *, divisor: Divisor = "n-1", confidence: float = 0.95, seed: int = 0, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Summarise the table of :func:`seedproof.analysis.runs_table`.

    Args:
        runs: one row per planned run.
        divisor: of the standard deviation, ``n-1`` or ``n`` (the paper's published numbers match ``n``).
        confidence: of every interval.
        seed: of the bootstrap; every cell starts from it, so a cell's numbers do not depend on the other cells.
        resamples: bootstrap samples for an interval.

    Returns:
        Columns ``COLUMNS``. ``runs`` counts the planned runs, ``finished`` is the denominator of ``failure_rate``: those that
        came to their end. ``stopped`` counts those that a rule ended before; where there are any, the others were selected and
        are no sample, so there is no failure rate and no interval.
        ``failed`` includes ``diverged``. ``failure_low`` and ``failure_high`` are Wilson's interval, ``mean_low`` to
        ``sd_high`` BCa bootstrap intervals (NaN below :data:`SMALLEST_OVER_ALL` runs). The same statistics over the
        ``succeeded`` runs begin with ``succeeded_``, with Student's and the chi-square interval; where none failed they
        are those over all runs. ``fitted`` to ``unknown`` count how runs ended
        (:data:`seedproof.analysis.endings.KINDS`), ``covers_majority`` those that succeeded with a score whose interval
        covers the majority score. ``seeds``, ``values``, ``outcomes`` (succeeded, majority or diverged), ``kinds`` and
        ``covering`` are tuples over the finished runs, in the order of the seeds. Statistics that are not defined are NaN.

    Raises:
        UserError: a column is missing, an option is not allowed, or one task's runs were judged by different metrics
            or majority scores.
        ValueError: the outcome of a finished run contradicts its score.
    """
    check_divisor(divisor)
    check_confidence(confidence)
    missing = [name for name in NEEDED if name not in runs.columns]
    if missing:
        raise UserError(f"the table of runs has no column {', '.join(missing)}; it needs {', '.join(NEEDED)}")
    runs = runs.assign(**{name: value for name, value in ASIDE.items() if name not in runs.columns})
    settings = {"sd_divisor": divisor, "confidence": confidence, "resamples": resamples}
    bootstrap = functools.partial(bca_interval, confidence=confidence, resamples=resamples, seed=seed)
    rows = []
    for key, group in runs.groupby(CELL, sort=False, dropna=False):
        row: dict[str, Any] = {"task": key[0], "model": key[1], "recipe": key[2], "runs": len(group)}
        finished, stopped = _finished(group), int(is_stopped(group).sum())
        scores = finished["score"].to_numpy(dtype=np.float64)
        succeeded = (finished["outcome"] == "succeeded").to_numpy()
        given_success = _given_success(scores[succeeded], divisor, confidence)
        over_all = _over_all(scores, given_success if succeeded.all() else None, divisor, bootstrap)
        row |= _judged_by(finished) | {"stopped": stopped} | _failures(finished, confidence) | over_all
        row |= {f"succeeded_{name}": value for name, value in given_success.items()}
        row |= dict.fromkeys(_OF_SAMPLES, math.nan) if stopped else {}
        row |= {"succeeded": int(succeeded.sum()), "values": tuple(scores.tolist()), "seeds": tuple(finished["seed"])}
        rows.append(row | {"outcomes": tuple(finished["verdict"])} | _endings(finished) | settings)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _finished(group: pd.DataFrame) -> pd.DataFrame:
    """The runs of one cell that came to their end, in the order of their seeds, with a column ``verdict``.

    A score that is not finite is a divergence whatever the reason says: NaN > majority is False, and so is NaN <=
    majority, so it is looked for before any comparison.
    """
    finished = came_to_end(group).sort_values("seed", key=lambda seeds: seeds.map(seed_order))
    verdicts = []
    for run, outcome, reason, score in zip(
        finished["run"], finished["outcome"], finished["reason"], finished["score"], strict=True
    ):
        diverged = reason == "diverged" or not math.isfinite(score)
        if outcome not in ("succeeded", "failed") or (outcome == "succeeded" and diverged):
            raise ValueError(f"finished run {run} has outcome {outcome!r}, reason {reason!r} and score {score}")
        verdicts.append("diverged" if diverged else "succeeded" if outcome == "succeeded" else "majority")
    return finished.assign(verdict=verdicts)


def _judged_by(finished: pd.DataFrame) -> dict[str, Any]:
    """The metric and its majority score, which all runs of a cell share."""
    if finished.empty:
        return {"metric": None, "positive_class": None, "majority": math.nan}
    pairs = finished[["metric", "majority"]].drop_duplicates()
    if len(pairs) > 1:
        found = ", ".join(f"{metric} with majority {majority}" for metric, majority in pairs.to_numpy().tolist())
        raise UserError(
            f"runs of task {finished['task'].iloc[0]!r} were judged by different measures ({found}); "
            "give tasks with different content different names"
        )
    first = finished.iloc[0]
    return {"metric": first["metric"], "positive_class": first["positive_class"], "majority": float(first["majority"])}


def _endings(finished: pd.DataFrame) -> dict[str, Any]:
    """How many runs ended in each way, and which are above the majority by less than their interval."""
    kinds, covering = finished["kind"], finished[COVERS].astype(bool)
    counts = {name: int((kinds == name).sum()) for name in KINDS}
    return counts | {COVERS: int(covering.sum()), "kinds": tuple(kinds), "covering": tuple(covering.tolist())}


def _failures(finished: pd.DataFrame, confidence: float) -> dict[str, Any]:
    count, failed = len(finished), int((finished["outcome"] == "failed").sum())
    low, high = wilson_interval(failed, count, confidence)
    return {
        "finished": count,
        "failed": failed,
        "diverged": int((finished["verdict"] == "diverged").sum()),
        "failure_rate": failed / count if count else math.nan,
        "failure_low": low,
        "failure_high": high,
    }


def _given_success(scores: NDArray[np.float64], divisor: Divisor, confidence: float) -> dict[str, float]:
    mean = t_interval(scores, confidence)
    return (
        _statistics(scores, divisor)
        | _interval("mean", mean)
        | _interval("sd", chi_square_interval(scores, confidence))
    )


def _over_all(
    scores: NDArray[np.float64],
    given_success: dict[str, float] | None,
    divisor: Divisor,
    bootstrap: Callable[..., tuple[float, float]],
) -> dict[str, float]:
    """Mean and standard deviation of all finished runs; ``given_success`` where they all succeeded."""
    described = _statistics(scores, divisor)
    if len(scores) < SMALLEST_OVER_ALL:
        return described
    if given_success is not None:
        return given_success
    deviation = functools.partial(standard_deviation, divisor=divisor)
    return described | _interval("mean", bootstrap(scores, np.mean)) | _interval("sd", bootstrap(scores, deviation))


def _interval(name: str, ends: tuple[float, float]) -> dict[str, float]:
    return dict(zip((f"{name}_low", f"{name}_high"), ends, strict=True))


def _statistics(scores: NDArray[np.float64], divisor: Divisor) -> dict[str, float]:
    """Everything of ``_SCORES`` but the intervals, which are NaN."""
    found = dict.fromkeys(_SCORES, math.nan)
    if not len(scores):
        return found
    deviation = float(standard_deviation(scores, divisor)) if len(scores) >= SMALLEST_DEVIATION else math.nan
    return found | {
        "mean": float(np.mean(scores)),
        "sd": deviation,
        "median": float(np.median(scores)),
        "maximum": float(np.max(scores)),
        "minimum": float(np.min(scores)),
    }
