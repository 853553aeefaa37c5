"""Curves from records: every value as it was recorded."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from seedproof.analysis.curves import COLUMNS, label_entropy, loss_table, score_table, smoothed
from seedproof.errors import UserError

RUNS = pd.DataFrame({"run": ["a"], "seed": ["0"], "recipe": ["devlin"], "outcome": ["failed"], "metric": ["matthews"]})
RECORDS = [
    {"kind": "loss", "step": 1, "loss": 0.7},
    {"kind": "evaluation", "step": 1, "scores": {"matthews": 0.1, "accuracy": 0.6}},
    {"kind": "loss", "step": 2, "loss": math.nan},
]


def test_losses_and_scores():
    """A loss that is not finite is in the table; the score is the metric that judges, or the one asked for."""
    losses = loss_table({"a": RECORDS}, RUNS)
    assert list(losses) == list(COLUMNS)
    assert losses["step"].tolist() == [1, 2]
    assert losses["value"][0] == 0.7
    assert math.isnan(losses["value"][1])
    assert score_table({"a": RECORDS}, RUNS)["value"].tolist() == [0.1]
    assert score_table({"a": RECORDS}, RUNS, "accuracy")["value"].tolist() == [0.6]


def test_unknown_metric_and_unknown_run():
    """Each is named."""
    with pytest.raises(UserError, match="'acuracy' in the evaluations of run a; did you mean 'accuracy'"):
        score_table({"a": RECORDS}, RUNS, "acuracy")
    with pytest.raises(UserError, match="no run b"):
        loss_table({"b": RECORDS}, RUNS)


def test_smoothing_is_a_mean_of_the_last_values_of_the_same_run():
    """By hand; NaN spreads to every mean that it is part of and no further."""
    table = pd.DataFrame({"run": ["a"] * 4 + ["b"], "step": [1, 2, 3, 4, 1], "value": [1.0, 3.0, math.nan, 5.0, 9.0]})
    values = smoothed(table, 2)["value"].tolist()
    assert values[:2] == [1.0, 2.0]
    assert math.isnan(values[2])
    assert math.isnan(values[3])
    assert values[4] == 9.0
    assert smoothed(table, 1)["value"].equals(table["value"])
    with pytest.raises(UserError, match="at least 1 step, found 0"):
        smoothed(table, 0)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_label_entropy_equals_scipy(labels):
    """Of the fractions of the labels, whatever they are called."""
    counts = [labels.count(label) for label in set(labels)]
    assert label_entropy(labels) == pytest.approx(scipy.stats.entropy(counts), abs=1e-12)
