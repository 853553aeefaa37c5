"""Times of runs that were trained together are not added."""

from __future__ import annotations

import math

import pytest

from seedproof.analysis.times import training_times, worker_seconds


@pytest.fixture
def runs(make_runs):
    """Two workers: one trained a fleet of two for 60 and 120 s and later a run of 30 s, the other one run for 60 s."""
    table = make_runs([0.6, 0.5, 0.7, 0.8, None])
    table["steps"] = 10
    table["execution_host"], table["execution_pid"] = "here", [1, 1, 1, 2, 2]
    table["execution_started"] = [0.0, 0.0, 200.0, 60.0, 0.0]
    table["execution_finished"] = [60.0, 120.0, 230.0, 120.0, 999.0]
    return table


def test_members_of_a_fleet_share_their_time(runs):
    """By hand: the first worker is busy for 120 + 30 s, the second for 60; somebody is busy for 120 + 30."""
    times = training_times(runs).set_index("model")
    assert times.loc["bert"].tolist() == times.loc["all"].tolist() == [4, 40, 3.5, 2.5]


def test_a_run_in_two_cells_counts_once(runs):
    twice = runs.loc[[0, 1, 1, 2, 3]]
    assert training_times(twice)["runs"].tolist() == [4, 4]


def test_runs_that_do_not_say_when_have_no_time(make_runs):
    assert math.isnan(worker_seconds(make_runs([0.6])))
