"""Races replayed on numbers that can be done by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from benchmarks.race import HEADINGS, Cell, _cell, expected_best, replay, row_of

from seedproof.execution.race import Race


def cell(final, early, alarms=()) -> Cell:
    scores, ends = np.array(final, float), np.array(alarms or [np.inf] * len(final))
    return Cell("c", scores, scores <= 0.5, np.array([0.3]), np.array(early, float)[:, None], ends, 0.5)


def test_where_early_scores_tell_the_end_nothing_is_lost():
    worth = replay(cell([0.5, 0.6, 0.7, 0.8], [0.5, 0.6, 0.7, 0.8]), Race.parse("4:2"), draws=10)
    assert (worth.whole, worth.raced, worth.stopped, worth.none) == (0.8, 0.8, 0.0, (0.0, 0.0))
    assert worth.share == pytest.approx(0.65)
    assert dict(zip(HEADINGS, row_of(worth), strict=True))["race"] == "4:2@0.30"


def test_where_they_mislead_the_best_is_stopped():
    worth = replay(cell([0.5, 0.6, 0.7, 0.8], [0.8, 0.7, 0.6, 0.5]), Race.parse("4:1"), draws=10)
    assert (worth.whole, worth.raced, worth.stopped, worth.none) == (0.8, 0.5, 1.0, (0.0, 1.0))


def test_of_equals_the_earlier_seed_goes_on():
    assert replay(cell([0.9, 0.8, 0.7], [0.5, 0.5, 0.5]), Race.parse("3:1"), draws=10).raced == pytest.approx(0.9)


def test_where_doomed_runs_end_their_place_goes_to_another_and_their_steps_are_saved():
    """One of two places would go to the first, which fails; it ends at .1, the last, which goes on, at .7 by a false alarm."""
    whole = cell([0.5, 0.6, 0.7, 0.8], [0.8, 0.2, 0.6, 0.7], [0.1, np.inf, np.inf, 0.7])
    assert replay(whole, Race.parse("4:2"), draws=10).raced == pytest.approx(0.8)
    worth = replay(whole, Race.parse("4:2"), draws=10, stop_doomed=True)
    assert (worth.whole, worth.raced, worth.none) == (0.8, 0.7, (0.0, 0.0))
    assert worth.share == pytest.approx((0.1 + 0.3 + 1 + 0.7) / 4)


def test_where_no_run_gets_to_its_end_there_is_a_prediction_that_never_changes():
    doomed = cell([0.4, 0.6, 0.7], [0.4, 0.6, 0.7], [0.1, 0.6, 0.9])
    assert replay(doomed, Race.parse("3:1"), draws=10, stop_doomed=True).raced == 0.5


def test_a_cell_is_read_from_the_tables_of_a_study():
    """Seed 1 is doomed at step 4 of 10, and seed 2 has diverged."""
    runs = pd.DataFrame(
        {
            "run": ["b", "a", "c"],
            "seed": ["1", "0", "2"],
            "metric": "accuracy",
            "steps": 10,
            "majority": 0.5,
            "score": [0.5, 0.8, np.nan],
            "outcome": ["failed", "succeeded", "failed"],
            "reason": ["majority", None, "diverged"],
            "alarm": pd.array([4, None, None], "Int64"),
        }
    )
    scores = pd.DataFrame(
        {"run": ["a", "b", "a", "b"], "step": [5, 5, 10, 10], "metric": "accuracy", "score": [0.6, 0.5, 0.8, 0.5]}
    )
    read = _cell("c", runs, scores)
    assert (read.final.tolist(), read.failed.tolist()) == ([0.8, 0.5, -np.inf], [False, True, True])
    assert (read.fractions.tolist(), read.early.ravel().tolist()) == ([0.5], [0.6, 0.5, -np.inf])
    assert read.alarms.tolist() == [np.inf, 0.4, np.inf]


def test_too_few_runs_are_not_replayed():
    assert replay(cell([0.9, 0.8], [0.5, 0.5]), Race.parse("3:1"), draws=10) is None


def test_the_best_of_some_is_the_mean_over_all_choices():
    scores = np.array([0.2, 0.9, 0.4, 0.7])
    by_hand = np.mean([max(each) for each in itertools.combinations(scores, 2)])
    assert expected_best(scores, 2) == pytest.approx(by_hand)
