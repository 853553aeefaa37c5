"""Claims that tell failed from successful runs."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd

from seedproof.analysis.claims.evidence import Evidence

from .conftest import cell

NEVER = math.nan


def vanishing(failed, succeeded):
    """Runs that vanish after these fractions of their training."""
    rows = [("failed", fraction) for fraction in failed] + [("succeeded", fraction) for fraction in succeeded]
    table = pd.DataFrame(rows, columns=["outcome", "fraction_of_training"])
    return Evidence(runs=cell([0], recipe="a"), vanishing=table.assign(run=range(len(rows)), family="albert"))


def test_gradients_vanish(decide):
    """Early and for good in failed runs, not in successful ones; late is not early."""
    holds = decide("gradients-vanish-albert", vanishing([0.3] * 12, [NEVER] * 12))
    assert holds.verdict == "holds"
    assert "in 12 of 12 failed runs, at the median after 30% of the training, and in 0 of 12" in holds.why
    assert decide("gradients-vanish-albert", vanishing([0.9] * 12, [NEVER] * 12)).verdict == "does not hold"
    assert decide("gradients-vanish-albert", vanishing([0.3] * 12, [0.3] * 12)).verdict == "does not hold"
    open_ = decide("gradients-vanish-albert", vanishing([0.3] * 8 + [NEVER] * 4, [NEVER] * 12))
    assert open_.verdict == "not decided"
    assert open_.n_needed > 12


def test_a_run_that_diverged_before_any_norm_did_not_vanish(decide):
    """It stays in the denominator, and how many there are is said."""
    evidence = vanishing([0.3] * 10 + [NEVER] * 2, [NEVER] * 12)
    layers = pd.Series([12] * 10 + [pd.NA] * 2 + [12] * 12, dtype="Int64")
    evidence = dataclasses.replace(evidence, vanishing=evidence.vanishing.assign(layers=layers))
    why = decide("gradients-vanish-albert", evidence).why
    assert "in 10 of 12 failed runs" in why
    assert "2 of the failed runs diverged before any norm was recorded" in why


def test_gradients_of_too_few_runs(decide):
    """Nine of one kind; none of one kind."""
    few = decide("gradients-vanish-albert", vanishing([0.3] * 9, [NEVER] * 30))
    assert (few.verdict, few.finding.n) == ("not decided", 9)
    assert "9 failed and 0 successful runs" in decide("gradients-vanish-albert", vanishing([0.3] * 9, [])).why


def test_gradients_of_another_family_say_nothing(decide):
    """The sentence is about three families: each has its own verdict."""
    decision = decide("gradients-vanish-bert", vanishing([0.3] * 12, [NEVER] * 12))
    assert decision.why == "Evidence is missing: the table 'vanishing' was not measured for bert."
