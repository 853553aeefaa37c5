"""The interval of the score knows that examples of one group are right or wrong together."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fitting.made import SINGLE, make_task, noisy, run

from seedproof.fitting.intervals import interval_of_score
from seedproof.fitting.judging import judge

GROUPS = np.repeat(np.arange(12), 10)
LABELS = np.repeat(np.arange(12) % 2, 10)


@pytest.mark.parametrize("ensemble", [None, "predictions"])
def test_groups_that_are_wrong_as_a_whole_widen_it(ensemble):
    """3 of 12 documents are wrong: the score is a mean of 12 values, and not of 120."""
    wrong = np.isin(GROUPS, [0, 1, 2])
    outputs = np.eye(2)[np.where(wrong, 1 - LABELS, LABELS)]
    tasks, generator = [make_task(LABELS, groups=groups) for groups in (None, GROUPS)], np.random.default_rng(0)
    runs = [run(seed, outputs + 0.1 * generator.standard_normal(outputs.shape), tasks[0]) for seed in range(2)]
    single, grouped = (judge(runs, task, SINGLE, ensemble=ensemble) for task in tasks)
    assert grouped.high - grouped.low == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 12), rel=0.15)
    assert grouped.high <= 1
    assert single.high - single.low < 0.4 * (grouped.high - grouped.low)


def test_no_end_is_beyond_what_a_score_can_be():
    """Draws that happen to score too low moved it there."""
    task, outputs = make_task(LABELS, groups=GROUPS), np.eye(2)[np.where(GROUPS < 3, 1 - LABELS, LABELS)]
    assert interval_of_score(task, outputs, too_high=-0.05) == pytest.approx((0.55, 1.0))


def test_one_group_has_no_interval():
    task = make_task(LABELS, groups=np.zeros(120, np.int64))
    outputs = noisy(np.random.default_rng(0), 1.0, LABELS)
    assert np.isnan(judge([run(0, outputs, task)], task, SINGLE).low)
