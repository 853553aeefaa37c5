"""Score against final training loss: which runs count, and by how much they agree."""

from __future__ import annotations

import math

import pytest
import scipy.stats

from seedproof.analysis.generalization import (
    COLUMNS,
    CORRELATION_COLUMNS,
    generalization_table,
    loss_score_correlation,
)
from seedproof.errors import UserError


def test_every_finished_run_has_a_row(make_runs):
    """A diverged one too; an unfinished one has neither loss nor score."""
    runs = make_runs([0.6, math.nan, None, 0.5]).assign(training_loss=[0.1, math.nan, math.nan, 0.69])
    table = generalization_table(runs)
    assert list(table) == list(COLUMNS)
    assert table["outcome"].tolist() == ["succeeded", "failed", "failed"]
    assert math.isnan(table["training_loss"][1])
    with pytest.raises(UserError, match="none of the 1 runs is finished"):
        generalization_table(make_runs([None]).assign(training_loss=math.nan))


def test_the_correlation_is_among_runs_that_succeeded(make_runs):
    """Failed runs, high in loss and low in score, would make any correlation negative."""
    scores, losses = [0.5, 0.5, 0.6, 0.7, 0.65, 0.8, 0.75], [0.7, 0.7, 0.01, 0.02, 0.03, 0.04, 0.05]
    row = loss_score_correlation(generalization_table(make_runs(scores).assign(training_loss=losses))).iloc[0]
    expected = scipy.stats.spearmanr(losses[2:], scores[2:]).statistic
    assert list(row.index) == list(CORRELATION_COLUMNS)
    assert (row["runs"], row["correlation"]) == (5, pytest.approx(expected))
    assert row["low"] < expected < row["high"]
    assert 0 < row["p"] < 1


def test_too_few_successful_runs(make_runs):
    """A row that says how many there are, and no number."""
    table = generalization_table(make_runs([0.5, 0.7, 0.8]).assign(training_loss=[0.7, 0.1, 0.2]))
    row = loss_score_correlation(table).iloc[0]
    assert row["runs"] == 2
    assert math.isnan(row["low"])
    assert math.isnan(row["p"])
