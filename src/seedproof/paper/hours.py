"""What it would take to decide a claim that stays open: its runs once more, so many times, in worker hours."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from seedproof.analysis.claims.evidence import Evidence
from seedproof.analysis.times import worker_seconds

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Role


@dataclass(frozen=True)
class _Watched(Evidence):
    """Evidence that notes which runs were asked for."""

    asked: set[str] = field(default_factory=set)
    chosen_from: Mapping[str, Collection[str]] = field(default_factory=dict)

    def of(self, role: Role) -> pd.DataFrame:
        table = super().of(role)
        self.asked.update(table["run"])
        return table

    def table(self, name: Literal["vanishing", "forgetting", "barriers"], *, family: str | None = None) -> pd.DataFrame:
        table = super().table(name, family=family)
        self.asked.update(self.chosen_from.get(name) or table["run"].dropna())
        return table


def with_hours(
    ledger: pd.DataFrame,
    evidence: Evidence,
    runs: pd.DataFrame,
    chosen_from: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> pd.DataFrame:
    """The ledger with a column ``hours_needed``: of one worker, for what an undecided claim lacks.

    As many times the runs that it took to examine it as ``n_needed`` is of ``n``, less those that are there, at the time that
    a step of their models took in this reproduction. Measuring is not in it. Missing where a claim is decided, no number
    would decide it, or it had no runs.

    Args:
        ledger: of ``evidence``.
        evidence: of the claims.
        runs: of the reproduction, for their times.
        chosen_from: by the table of measurements, the runs that these were chosen from, of which some were not measured.
    """
    import pandas as pd

    from seedproof.analysis.claims import CLAIMS

    finished = runs[runs["state"] == "finished"].drop_duplicates("run")
    of_step = {model: worker_seconds(part) / part["steps"].sum() for model, part in finished.groupby("model")}
    seconds = (finished["model"].map(of_step) * finished["steps"]).set_axis(finished["run"])
    claims = {claim.id: claim for claim in CLAIMS}
    hours = []
    for row in ledger.to_dict("records"):
        if not row["n"] or pd.isna(row["n_needed"]):
            hours.append(math.nan)
            continue
        given = {item.name: getattr(evidence, item.name) for item in fields(Evidence)}
        watched = _Watched(**given, chosen_from=chosen_from)
        claims[row["claim"]].examine(watched)
        there = seconds.reindex(sorted(watched.asked)).sum()
        hours.append((row["n_needed"] / row["n"] - 1) * there / 3600)
    return ledger.assign(hours_needed=hours)
