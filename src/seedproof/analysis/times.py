"""How long runs took. Members of a fleet train together, so the times of runs must not be added: intervals are united."""

from __future__ import annotations

import pandas as pd

TIME_COLUMNS = ("model", "runs", "steps", "worker_minutes", "elapsed_minutes")


def training_times(runs: pd.DataFrame) -> pd.DataFrame:
    """The time of finished runs of each model, and of all.

    Args:
        runs: of :meth:`seedproof.Results.runs`; a run in several cells counts once.

    Returns:
        Columns ``TIME_COLUMNS``, the last row for ``all``. ``worker_minutes``: in which a worker process was training any of
        them, added over workers; ``elapsed_minutes``: in which any worker was. Of a run that was interrupted, its last
        attempt. Missing where runs do not say when they were executed.
    """
    finished = runs[runs["state"] == "finished"].drop_duplicates("run")
    groups = [*finished.groupby("model", sort=False), ("all", finished)]
    rows = [
        (model, len(part), part["steps"].sum(), worker_seconds(part) / 60, _united(part) / 60) for model, part in groups
    ]
    return pd.DataFrame(rows, columns=list(TIME_COLUMNS)).round({"worker_minutes": 1, "elapsed_minutes": 1})


def worker_seconds(runs: pd.DataFrame) -> float:
    """Seconds in which a worker was busy with any of the runs, added over workers."""
    if not {"execution_host", "execution_pid"} <= set(runs.columns):
        return float("nan")
    workers = runs.groupby(["execution_host", "execution_pid"], dropna=False)
    return float(sum(_united(part) for _, part in workers))


def _united(runs: pd.DataFrame) -> float:
    """Length of the union of the runs' intervals, in seconds."""
    if not {"execution_started", "execution_finished"} <= set(runs.columns):
        return float("nan")
    total, end = 0.0, float("-inf")
    for started, finished in sorted(zip(runs["execution_started"], runs["execution_finished"], strict=True)):
        total += max(0.0, finished - max(started, end))
        end = max(end, finished)
    return total
