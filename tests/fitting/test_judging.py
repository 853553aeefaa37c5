"""What is shipped is the best run, by examples that did not choose it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fitting.made import EXAMPLES, SINGLE, make_task, run

from seedproof.errors import UserError
from seedproof.fitting.judgement import StoppedRun
from seedproof.fitting.judging import judge


def test_the_best_seed_is_shipped_with_what_is_to_be_expected_of_it(runs):
    judgement = judge(runs, make_task(), SINGLE)
    assert (judgement.shipped, judgement.best.seed) == ("best", "1")
    assert judgement.low < judgement.expected <= judgement.score < 1
    assert judgement.numbers()["mean"] == pytest.approx(np.mean([each.score for each in runs]))
    assert judgement.ensemble == {}


def test_where_every_run_failed_there_is_nothing_to_ship():
    task = make_task()
    constant = np.tile([1.0, 0.0], (EXAMPLES, 1))
    with pytest.raises(
        UserError, match=r"2 runs of 2 failed.*the best scores 0\.500, and .* changes 0\.500 \(accuracy\)"
    ):
        judge([run(seed, constant, task, "failed") for seed in range(2)], task, SINGLE)


def test_where_those_that_a_race_let_finish_failed_the_others_are_told():
    task, constant = make_task(), np.tile([1.0, 0.0], (EXAMPLES, 1))
    stopped = [StoppedRun(seed="2", at=3, by="race", score=0.5)]
    with pytest.raises(UserError, match=r"2 runs of 2 failed \(1 more stopped early\), so there is no model to ship"):
        judge([run(seed, constant, task, "failed") for seed in range(2)], task, SINGLE, stopped=stopped)
