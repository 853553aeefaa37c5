"""Claims that compare failed runs with fitted ones: the loss at the entropy, and forgetting."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.claims.evidence import Evidence

from .conftest import cell, first, of_roles
from .test_fractions import curve

LN2 = math.log(2)


def ended(failed, successful, entropy=LN2):
    """Runs of the default recipe with these training losses without dropout."""
    table = cell(first(len(failed), len(failed) + len(successful)), recipe="devlin")
    table["fit_loss"] = np.array([*failed, *successful], float)
    return dataclasses.replace(of_roles(devlin=table), label_entropy={"rte": entropy})


def test_the_loss_is_at_the_entropy_in_failed_runs_alone(decide):
    """Within 5 % either way; successful runs at the entropy show the claim wrong; a diverged run is not at it."""
    holds = decide("loss-at-entropy-failed", ended([LN2, 0.96 * LN2, 1.04 * LN2] * 5, [0.3] * 15))
    assert holds.verdict == "holds"
    assert "in 15 of 15 failed runs and in 0 of 15 successful ones" in holds.why
    assert decide("loss-at-entropy-failed", ended([LN2] * 15, [LN2] * 15)).verdict == "does not hold"
    assert decide("loss-at-entropy-failed", ended([math.nan] * 5 + [LN2] * 5, [0.3] * 10)).finding.effect == 0.5


def test_the_loss_needs_both_outcomes_a_recording_and_the_entropy(decide):
    assert "there are 10 failed and 0 successful runs" in decide("loss-at-entropy-failed", ended([LN2] * 10, [])).why
    none = dataclasses.replace(ended([LN2] * 10, [0.3] * 10), label_entropy={})
    assert "entropy of the training labels of 'rte'" in decide("loss-at-entropy-failed", none).why
    evidence = ended([LN2] * 10, [0.3] * 10)
    evidence = dataclasses.replace(evidence, runs=evidence.runs.drop(columns="fit_loss"))
    assert "the recording 'fit'" in decide("loss-at-entropy-failed", evidence).why


def forgotten(failed, fitted, corrected=(0.0,) * 6, task="rte"):
    parts = []
    for group, values in (("failed", failed), ("fitted", fitted), ("fitted, corrected", corrected)):
        outcome = "failed" if group == "failed" else "succeeded"
        parts += [
            curve(f"{task} {group} {index}", [value, 0, 0], outcome).assign(group=group, task=task)
            for index, value in enumerate(values)
        ]
    return Evidence(runs=cell([0], recipe="a"), forgetting=pd.concat(parts, ignore_index=True))


def test_failed_runs_forget_more_than_fitted_ones(decide):
    """Ten times the perplexity is shown, a little more is shown to be less, and mixed is neither."""
    holds = decide("forgetting-outcome", forgotten([5.0, 5.1, 5.2, 6, 7, 8], [1, 1.1, 1.2, 2, 2.1, 2.2]))
    assert holds.verdict == "holds"
    assert holds.finding.effect == pytest.approx(4.0, abs=0.3)
    wrong = decide("forgetting-outcome", forgotten([2, 2.1, 2.2, 2.3, 2.4, 2.5], [1, 1.1, 1.2, 1.3, 1.4, 1.5]))
    assert wrong.verdict == "does not hold"
    assert wrong.finding.high < math.log(10)
    assert (
        decide("forgetting-outcome", forgotten([3, 4, 5, 2, 6, 1], [1, 2, 1.5, 2.5, 0.5, 3])).verdict == "not decided"
    )


def test_what_correction_does_to_fitted_runs_is_told_apart(decide):
    fitted, corrected = [3, 3.1, 3.2, 2.9, 3.3, 3.4], [0.05, 0.06, 0.04, 0.07, 0.03, 0.02]
    holds = decide("forgetting-correction", forgotten([5.0] * 6, fitted, corrected))
    assert holds.verdict == "holds"
    assert "the median fitted, corrected run of rte forgets 0.04 nats" in holds.why or "0.05 nats" in holds.why
    same = decide("forgetting-correction", forgotten([5.0] * 6, corrected, corrected))
    assert same.verdict == "does not hold"


def test_runs_of_one_task_are_compared(decide):
    """The first with six of every group: failures of one task beside successes of another showed a task's difference."""
    few = forgotten([9.0] * 3, [1.0] * 3, [0.0] * 3, task="cola").forgetting
    whole = forgotten([5.0, 5.1, 5.2, 5.3, 5.4, 5.5], [1.0, 1.1, 1.2, 1.3, 1.4, 1.5])
    both = dataclasses.replace(whole, forgetting=pd.concat([few, whole.forgetting], ignore_index=True))
    assert decide("forgetting-outcome", both).finding.n == 6
    assert "run of rte forgets" in decide("forgetting-outcome", both).why
    lone = dataclasses.replace(whole, forgetting=few[few["group"] != "fitted"])
    assert "no run of cola that is fitted" in decide("forgetting-outcome", lone).why


def test_forgetting_that_is_not_a_number(decide):
    """NaN makes the effect NaN and the claim undecided: it is not left out. Infinity is more than anything."""
    lost = decide("forgetting-outcome", forgotten([math.nan, 7, 8, 9, 10, 11], [1, 2, 3, 1, 2, 3]))
    assert (lost.verdict, math.isnan(lost.finding.effect)) == ("not decided", True)
    endless = decide("forgetting-outcome", forgotten([math.inf] * 6, [1, 2, 3, 1, 2, 3]))
    assert endless.verdict == "holds"
    assert "infinity" in endless.why
