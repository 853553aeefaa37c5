"""What an undecided claim lacks, in hours: its own runs, as many times as seeds are missing."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from seedproof.analysis.claims import CellKey, Evidence, ledger
from seedproof.paper.hours import with_hours


def runs_of(model: str, outcomes: list[str], seconds: float, pid: int) -> pd.DataFrame:
    """Runs of 100 steps, one after the other on one worker."""
    seeds = range(len(outcomes))
    return pd.DataFrame(
        {
            "task": "t",
            "model": model,
            "recipe": "devlin",
            "seed": [str(seed) for seed in seeds],
            "run": [f"{model}-{seed}" for seed in seeds],
            "state": "finished",
            "outcome": outcomes,
            "reason": None,
            "kind": None,
            "score": 0.5,
            "steps": 100,
            "execution_host": "h",
            "execution_pid": pid,
            "execution_started": [seconds * seed for seed in seeds],
            "execution_finished": [seconds * (seed + 1) for seed in seeds],
        }
    )


def test_hours_are_those_of_the_claims_own_runs():
    """Six of 20 against four of 20 is open; runs of a third model cost nothing, as the claim does not look at them."""
    deep = runs_of("deep", ["failed"] * 6 + ["succeeded"] * 14, 36.0, 1)
    shallow = runs_of("shallow", ["succeeded"] * 16 + ["failed"] * 4, 18.0, 2)
    runs = pd.concat([deep, shallow, runs_of("other", ["failed"] * 20, 1e6, 3)], ignore_index=True)
    roles = {"deep": CellKey("t", "deep", "devlin"), "shallow": CellKey("t", "shallow", "devlin")}
    evidence = Evidence(runs=runs, roles={role: (key,) for role, key in roles.items()})
    table = with_hours(ledger(evidence), evidence, runs).set_index("claim")
    open_one = table.loc["shallow-control"]
    assert open_one["verdict"] == "not decided"
    there = 20 * (36.0 + 18.0) / 3600
    assert open_one["hours_needed"] == pytest.approx((open_one["n_needed"] / 20 - 1) * there)
    assert math.isnan(table.loc["quarter-rate"]["hours_needed"])  # no runs: nothing to count with


def test_a_measurement_costs_the_runs_that_were_looked_through_for_it():
    """A plane needs a failed run, a successful one of its head, and all that were tried; the failed one alone was counted."""
    runs = runs_of("deep", ["failed", "succeeded"] * 12, 36.0, 1)
    planes = pd.DataFrame(
        {"edge": "f-s", "task": "t", "head": range(6), "run": [f"deep-{4 * head}" for head in range(6)]}
    ).assign(norm_ridge=[2.0] * 4 + [1.0] * 2, barrier=0.0, successful_loss=0.1)
    evidence = Evidence(runs=runs.iloc[:0], barriers=planes, label_entropy={"t": math.log(2)})
    decided = ledger(evidence)
    measured, all_of_them = (
        with_hours(decided, evidence, runs, chosen).set_index("claim").loc["ridge-gradient-norm"]
        for chosen in ({}, {"barriers": runs["run"].tolist()})
    )
    assert measured["hours_needed"] == pytest.approx((measured["n_needed"] / 6 - 1) * 6 * 36 / 3600)
    assert all_of_them["hours_needed"] == pytest.approx(4 * measured["hours_needed"])
