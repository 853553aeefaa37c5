"""What it would take to decide a claim that stays open: its runs once more, so many times, in worker hours."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from seedproof.analysis.claims.evidence import Evidence
from seedproof.analysis.times import training_times

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Role


@dataclass(frozen=True)
class _Watched(Evidence):
    """Evidence that notes which runs were asked for."""

    asked: set[str] = field(default_factory=set)

    def of(self, role: Role) -> pd.DataFrame:
        table = super().of(role)
        self.asked.update(table["run"])
        return table

    def table(self, name: Literal["vanishing", "forgetting", "barriers"], *, family: str | None = None) -> pd.DataFrame:
        table = super().table(name, family=family)
        self.asked.update(table["run"].dropna())
        return table


def with_hours(ledger: pd.DataFrame, evidence: Evidence, runs: pd.DataFrame) -> pd.DataFrame:
    """The ledger with a column ``hours_needed``: of one worker, for what an undecided claim lacks.

    As many times the runs that it was examined on as ``n_needed`` is of ``n``, less those that are there, at the time that
    a step of their models took in this reproduction. Measuring is not in it. Missing where a claim is decided, no number
    would decide it, or it had no runs.

    Args:
        ledger: of ``evidence``.
        evidence: of the claims.
        runs: of the reproduction, for their times.
    """
    from seedproof.analysis.claims import CLAIMS

    times = training_times(runs).set_index("model")
    seconds = (60 * times["worker_minutes"] / times["steps"]).to_dict()
    cost = {
        run: steps * seconds[model] for run, model, steps in zip(runs["run"], runs["model"], runs["steps"], strict=True)
    }
    claims = {claim.id: claim for claim in CLAIMS}
    hours = []
    for row in ledger.to_dict("records"):
        needed, there = row["n_needed"], row["n"]
        if not there or needed is None or needed != needed or str(needed) == "<NA>":
            hours.append(math.nan)
            continue
        watched = _Watched(**{item.name: getattr(evidence, item.name) for item in fields(Evidence)})
        claims[row["claim"]].examine(watched)
        hours.append((needed / there - 1) * sum(cost.get(run, 0.0) for run in watched.asked) / 3600)
    return ledger.assign(hours_needed=hours)
