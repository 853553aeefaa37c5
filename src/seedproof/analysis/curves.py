"""Training curves: the loss of each step and the score of each evaluation (paper, Figures 2, 8a and 14)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from seedproof.analysis.gradients import Records, about_run
from seedproof.errors import UserError, unknown
from seedproof.tasks.split import label_entropy as label_entropy

COLUMNS = ("run", "seed", "recipe", "outcome", "step", "value")


def loss_table(records_by_run: Records, runs: pd.DataFrame) -> pd.DataFrame:
    """The training loss of every step (dropout on), nats.

    Args:
        records_by_run: the records of each run by its id, in order.
        runs: the table of runs that they are in.

    Returns:
        Columns ``COLUMNS``. A diverged run ends with the loss that was not finite.

    Raises:
        UserError: a run is not in the table of runs.
    """
    return _table(
        records_by_run,
        runs,
        lambda _, records: ((record["step"], record["loss"]) for record in records if record["kind"] == "loss"),
    )


def score_table(records_by_run: Records, runs: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """The development score at every evaluation; how often is decided when a study is run (``evaluations``).

    Args:
        records_by_run: the records of each run by its id, in order.
        runs: the table of runs that they are in.
        metric: its name; None is the one that judges the run.

    Returns:
        Columns ``COLUMNS``.

    Raises:
        UserError: a run is not in the table of runs, or its evaluations have no such metric.
    """

    def scores(run: str, records: Iterable[Any]) -> Iterable[tuple[int, float]]:
        name = metric or runs.loc[runs["run"] == run, "metric"].iloc[0]
        for record in records:
            if record["kind"] == "evaluation":
                if name not in record["scores"]:
                    raise unknown("metric", name, record["scores"], where=f"the evaluations of run {run}")
                yield record["step"], record["scores"][name]

    return _table(records_by_run, runs, scores)


def _table(records_by_run: Records, runs: pd.DataFrame, points: Any) -> pd.DataFrame:
    parts = []
    for run, records in records_by_run.items():
        found = list(points(run, records))
        steps, values = [step for step, _ in found], np.array([value for _, value in found], np.float64)
        part = pd.DataFrame({"step": np.array(steps, np.int64), "value": values})
        parts.append(part.assign(**about_run(run, runs))[list(COLUMNS)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def smoothed(table: pd.DataFrame, steps: int) -> pd.DataFrame:
    """The same curves, each value the mean of its run's last ``steps`` values; a value that is not finite spreads to them.

    Raises:
        UserError: ``steps`` is not positive.
    """
    if steps < 1:
        raise UserError(f"curves are smoothed over at least 1 step, found {steps}")
    parts = []
    for _, part in table.groupby("run", sort=False):
        values = part["value"].to_numpy(np.float64)
        means = [values[max(0, end - steps) : end].mean() for end in range(1, len(values) + 1)]
        parts.append(part.assign(value=means))
    return pd.concat(parts) if parts else table.copy()
