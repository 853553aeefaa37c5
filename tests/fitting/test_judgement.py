"""The numbers of a judgement: failed runs stay in them, and those that a race has stopped are told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.fitting.made import EXAMPLES, SINGLE, make_task, run

from seedproof.fitting.judgement import StoppedRun
from seedproof.fitting.judging import judge


def test_a_failed_run_stays_in_the_rate_and_in_the_mean(runs):
    task = make_task()
    constant = np.tile([1.0, 0.0], (EXAMPLES, 1))
    judgement = judge([*runs, run(3, constant, task, "failed")], task, SINGLE)
    numbers = judgement.numbers()
    assert (numbers["runs"], numbers["failed"], numbers["minimum"]) == (4, 1, 0.5)
    assert judgement.spread.sd == pytest.approx(np.std([each.score for each in runs], ddof=1))


def test_a_diverged_run_has_no_score_and_is_never_averaged_away(runs):
    judgement = judge([*runs, run(3, np.empty((0, 2)), make_task(), "failed")], make_task(), SINGLE)
    assert math.isnan(judgement.numbers()["mean"])
    assert judgement.numbers()["failed"] == 1
    assert math.isfinite(judgement.expected)


def test_runs_that_a_race_has_stopped_are_told_and_give_no_failure_rate(runs):
    stopped = [StoppedRun(seed=str(seed), at=30, by="race", score=0.5) for seed in (3, 4)]
    judgement = judge(runs, make_task(), SINGLE, stopped=stopped)
    numbers = judgement.numbers()
    assert (numbers["started"], numbers["stopped"], numbers["runs"], numbers["failed"]) == (5, 2, 3, 0)
    assert math.isnan(numbers["failure_low"])
    assert "started" not in judge(runs, make_task(), SINGLE).numbers()
