"""Claims that tell failed from successful runs."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

from seedproof.analysis.claims.evidence import Evidence

from .conftest import cell
from .test_fractions import curve

NEVER = math.nan


def vanishing(failed, succeeded):
    """Runs that vanish after these fractions of their training."""
    rows = [("failed", fraction) for fraction in failed] + [("succeeded", fraction) for fraction in succeeded]
    table = pd.DataFrame(rows, columns=["outcome", "fraction_of_training"])
    return Evidence(runs=cell([0], recipe="a"), vanishing=table.assign(run=range(len(rows))))


def test_gradients_vanish(decide):
    """Early and for good in failed runs, not in successful ones; late is not early."""
    holds = decide("gradients-vanish", vanishing([0.3] * 12, [NEVER] * 12))
    assert holds.verdict == "holds"
    assert "in 12 of 12 failed runs, at the median after 30% of the training, and in 0 of 12" in holds.why
    assert decide("gradients-vanish", vanishing([0.9] * 12, [NEVER] * 12)).verdict == "does not hold"
    assert decide("gradients-vanish", vanishing([0.3] * 12, [0.3] * 12)).verdict == "does not hold"
    open_ = decide("gradients-vanish", vanishing([0.3] * 8 + [NEVER] * 4, [NEVER] * 12))
    assert open_.verdict == "not decided"
    assert open_.n_needed > 12


def test_a_run_that_diverged_before_any_norm_did_not_vanish(decide):
    """It stays in the denominator, and how many there are is said."""
    evidence = vanishing([0.3] * 10 + [NEVER] * 2, [NEVER] * 12)
    layers = pd.Series([12] * 10 + [pd.NA] * 2 + [12] * 12, dtype="Int64")
    why = decide(
        "gradients-vanish", dataclasses.replace(evidence, vanishing=evidence.vanishing.assign(layers=layers))
    ).why
    assert "in 10 of 12 failed runs" in why
    assert "2 of the failed runs diverged before any norm was recorded" in why


def test_gradients_of_too_few_runs(decide):
    """Nine of one kind; none of one kind."""
    few = decide("gradients-vanish", vanishing([0.3] * 9, [NEVER] * 30))
    assert (few.verdict, few.finding.n) == ("not decided", 9)
    assert "9 failed and 0 successful runs" in decide("gradients-vanish", vanishing([0.3] * 9, [])).why


def forgotten(failed, succeeded):
    parts = [curve(f"f{i}", [value, 0, 0]) for i, value in enumerate(failed)]
    parts += [curve(f"s{i}", [value, 0, 0], "succeeded") for i, value in enumerate(succeeded)]
    return Evidence(runs=cell([0], recipe="a"), forgetting=pd.concat(parts))


def test_failed_runs_forget(decide):
    """Ten times the perplexity is shown, a little more is shown to be less, and mixed is neither."""
    holds = decide("forgetting-failed-runs", forgotten([5.0, 5.1, 5.2, 6, 7, 8], [1, 1.1, 1.2, 2, 2.1, 2.2]))
    assert holds.verdict == "holds"
    assert holds.finding.effect == pytest.approx(4.0, abs=0.3)
    assert "over 6 and 6 runs" in holds.why
    wrong = decide("forgetting-failed-runs", forgotten([2, 2.1, 2.2, 2.3, 2.4, 2.5], [1, 1.1, 1.2, 1.3, 1.4, 1.5]))
    assert wrong.verdict == "does not hold"
    assert wrong.finding.high < math.log(10)
    open_ = decide("forgetting-failed-runs", forgotten([3, 4, 5, 2, 6, 1], [1, 2, 1.5, 2.5, 0.5, 3]))
    assert open_.verdict == "not decided"


def test_forgetting_of_three_and_three_as_in_the_paper(decide):
    """Fully separated, and still not decided: 1 of 20 orders. Says how many would decide."""
    decision = decide("forgetting-failed-runs", forgotten([7, 8, 9], [1, 2, 3]))
    assert decision.verdict == "not decided"
    assert decision.finding.p == pytest.approx(1 / 20)
    assert decision.n_needed == 6


def test_forgetting_that_is_not_a_number(decide):
    """NaN makes the effect NaN and the claim undecided: it is not left out. Infinity is more than anything."""
    lost = decide("forgetting-failed-runs", forgotten([math.nan, 7, 8, 9, 10, 11], [1, 2, 3, 1, 2, 3]))
    assert lost.verdict == "not decided"
    assert math.isnan(lost.finding.effect)
    endless = decide("forgetting-failed-runs", forgotten([math.inf] * 6, [1, 2, 3, 1, 2, 3]))
    assert endless.verdict == "holds"
    assert "infinity" in endless.why
