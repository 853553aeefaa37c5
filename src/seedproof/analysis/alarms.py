"""Rules that stop runs early, judged on finished runs: which they would have stopped, when, and how often wrongly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import pandas as pd

from seedproof.alarms import Alarm, Signals
from seedproof.analysis.statistics import clopper_pearson_interval
from seedproof.execution.race import ranking

ABOUT = ("task", "model", "recipe", "seed", "run", "outcome", "kind", "steps")
"""Columns of the table of runs that a table of alarms keeps."""
ALARM_COLUMNS: Mapping[str, str] = MappingProxyType(
    {"alarm": "step of the alarm; missing where there was none", "because": "why the rule held the run for doomed"}
)
"""Columns behind those of :data:`ABOUT`."""


def alarm_table(
    runs: pd.DataFrame, signals: Mapping[str, Iterable[Signals]], make_alarm: Callable[[], Alarm]
) -> pd.DataFrame:
    """What a rule would have said of each run, had it watched.

    Args:
        runs: the table of runs.
        signals: of every step by run, in order (:func:`seedproof.alarms.signals_of`); runs without them are left out.
        make_alarm: makes the rule, anew for each run.

    Returns:
        Columns :data:`ABOUT` and :data:`ALARM_COLUMNS`, one row per run.
    """
    watched = runs[runs["run"].isin(list(signals))].drop_duplicates("run")
    table = watched[list(ABOUT)].reset_index(drop=True)
    said = [_first(make_alarm(), signals[run]) for run in table["run"]]
    return table.assign(
        alarm=pd.array([step for step, _ in said], "Int64"), because=pd.array([why for _, why in said], "string")
    )


def _first(alarm: Alarm, signals: Iterable[Signals]) -> tuple[int | None, str | None]:
    """Step and reason of the first alarm."""
    return next(((each.step, why) for each in signals if (why := alarm.see(each)) is not None), (None, None))


def halving_table(
    runs: pd.DataFrame, scores: pd.DataFrame, fraction: float, *, keep: float = 0.5, tolerance: float = 0.02
) -> pd.DataFrame:
    """What Dodge's rule would have stopped: of each cell's runs those without the best development score so far.

    The rule starts all seeds of a cell (a task, model and recipe) and, at a fraction of the training, keeps those whose best
    score so far is highest (Dodge et al. 2020, arXiv 2002.06305, section 5), as a race does
    (:func:`seedproof.execution.race.ranking`). Of equal scores the lower seed's is kept.

    Args:
        runs: the table of runs.
        scores: of every evaluation, as ``Results.scores`` gives them.
        fraction: of the training at which runs are stopped.
        keep: share of a cell's runs that go on, rounded up.
        tolerance: by which fraction of the training an evaluation may lie behind it.

    Returns:
        As :func:`alarm_table`; without the runs that were not evaluated by then.
    """
    table = runs.drop_duplicates("run")[[*ABOUT, "metric"]]
    so_far = scores.merge(table[["run", "metric", "steps"]], on=["run", "metric"])
    so_far = so_far[(so_far["step"] > 0) & (so_far["step"] <= (fraction + tolerance) * so_far["steps"].astype(float))]
    best = so_far.groupby("run")["score"].max().rename("best")
    table = table.merge(best, left_on="run", right_index=True).reset_index(drop=True)
    stopped: list[str] = []
    for _, cell in table.groupby(["task", "model", "recipe"]):
        stopped += ranking(dict(zip(cell["run"], cell["best"], strict=True)))[math.ceil(keep * len(cell)) :]
    is_stopped = table["run"].isin(stopped)
    step = (fraction * table["steps"].astype(float)).round().astype("Int64")
    because = pd.Series(f"its best score so far is not among the best {keep:.0%} of its cell", table.index, "string")
    return table[list(ABOUT)].assign(alarm=step.where(is_stopped), because=because.where(is_stopped))


def alarm_rates(table: pd.DataFrame) -> dict[str, float]:
    """How good a rule is, from what it would have said of finished runs.

    Args:
        table: of :func:`alarm_table`; only runs that succeeded or failed count.

    Returns:
        ``failed``, ``succeeded``, ``right`` and ``false``: runs, and alarms of each. ``recall``: share of the failed that it
        names; ``precision``: share of the named that failed; ``false_rate``: share of the successful that it names,
        ``false_low`` and ``false_high`` the 95 % interval (Clopper and Pearson). ``lead``: median over the right alarms of the
        share of the run that was left. ``saved``: share of all runs' steps that would not have been done, had every alarm
        stopped its run, the false ones included; ``possible``: the share that failed runs took. NaN where there is nothing to
        divide by.
    """
    judged = table[table["outcome"].isin(["failed", "succeeded"])]
    has_failed, is_named = judged["outcome"] == "failed", judged["alarm"].notna()
    steps = judged["steps"].astype(float)
    left = (steps - judged["alarm"].astype(float)).fillna(0.0)
    failed, succeeded = int(has_failed.sum()), int((~has_failed).sum())
    right, false = int((has_failed & is_named).sum()), int((~has_failed & is_named).sum())
    low, high = clopper_pearson_interval(false, succeeded)
    return {
        "failed": failed,
        "succeeded": succeeded,
        "right": right,
        "false": false,
        "recall": _share(right, failed),
        "precision": _share(right, right + false),
        "false_rate": _share(false, succeeded),
        "false_low": low,
        "false_high": high,
        "lead": float((left / steps)[has_failed & is_named].median()),
        "saved": _share(left.sum(), steps.sum()),
        "possible": _share(steps[has_failed].sum(), steps.sum()),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
