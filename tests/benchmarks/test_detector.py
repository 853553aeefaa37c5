"""The detector is fit to some runs and measured on others, and what is shipped is what the script makes."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
from tests.conftest import REPOSITORY

from seedproof.alarms.doomed import FRACTIONS, Decision, Fit, shipped


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    return importlib.import_module("detector_runs")


def made(script, seeds, failed, vanished):
    names = [f"r{number}" for number in range(len(seeds))]
    outcome = np.where(failed, "failed", "succeeded")
    table = pd.DataFrame({"run": names, "number": seeds, "outcome": outcome, "model": "m", "task": "t"})
    symptoms = pd.DataFrame(
        [
            {"run": run, "step": 40 + 20 * decision, "decision": decision, "learned": 0.0, "vanished": value}
            for run, value in zip(names, vanished, strict=True)
            for decision in range(len(FRACTIONS))
        ]
    )
    return script.Runs(table, symptoms, pd.DataFrame({"run": names}))


def test_no_run_is_in_training_and_in_test(script):
    runs = made(script, [0, 24, 999, 1000, 2015, np.nan], [False] * 6, [0.0] * 6)
    train, test = script.halves(runs)
    assert set(train.table["run"]) == {"r3", "r4"} == set(train.symptoms["run"])
    assert set(test.table["run"]) == {"r0", "r1", "r2"} == set(test.symptoms["run"])


def test_a_fit_finds_the_regression_that_made_the_runs(script):
    draw = np.random.default_rng(0)
    vanished = draw.normal(-2, 1.5, 4000)
    failed = draw.random(4000) < 1 / (1 + np.exp(6 + 2.5 * vanished))
    first, *_ = script.fit(made(script, [1000] * 4000, failed, vanished))
    assert (first.intercept, first.vanished) == pytest.approx((-6, -2.5), rel=0.1)


@pytest.mark.parametrize(("successful", "false"), [(100, 0), (557, 1), (723, 2)])
def test_the_threshold_lets_through_what_keeps_the_interval_in_what_is_tolerated(script, successful, false):
    runs = made(script, [1000] * successful, [False] * successful, [0.0] * successful)
    found = pd.Series(np.repeat(np.arange(successful) / successful, len(FRACTIONS)), runs.symptoms.index)
    value, count, allowed = script.threshold(runs, found)
    assert (count, allowed) == (successful, false)
    assert int((found.groupby(runs.symptoms["run"]).max() >= value).sum()) == false


def test_what_is_shipped_is_what_the_script_makes_of_the_stored_runs(script):
    runs = script.stored_runs()
    for ours, theirs in zip(script.fit(runs), shipped().decisions, strict=True):
        assert (ours.intercept, ours.learned, ours.vanished) == pytest.approx(
            (theirs.intercept, theirs.learned, theirs.vanished), rel=0.01
        )
    assert script.threshold(runs, script.out_of_fold(runs))[0] == pytest.approx(shipped().threshold, abs=0.002)


def test_runs_that_join_the_fit_move_it(script):
    """A thousand runs with vanished gradients that did not fail."""
    runs = script.stored_runs()
    others = made(script, [0] * 1000, [False] * 1000, [-6.0] * 1000)
    both = script.joined(runs, others)
    assert (len(both.table), both.table["run"].is_unique) == (len(runs.table) + 1000, True)
    assert script.fit(both)[0].vanished > script.fit(runs)[0].vanished + 0.5


@pytest.mark.parametrize(("successful", "vouched"), [(437, ["a", "b"]), (436, ["b"])])  # .0125 ** (1 / 437) > .99
def test_a_model_is_vouched_for_by_runs_of_its_own(script, successful, vouched):
    runs = made(script, [0] * (successful + 500), [False] * (successful + 500), [0.0] * (successful + 500))
    runs.table["fingerprint"] = ["a"] * successful + ["b"] * 500
    runs.table["steps"] = 189
    never = Fit(decisions=(Decision(intercept=-1.0, learned=0.0, vanished=0.0),) * len(FRACTIONS), threshold=0.9)
    measured = script.validation(runs, never)
    assert measured["models"] == vouched
    assert measured["upper"] < 0.01
