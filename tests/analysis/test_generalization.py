"""Score against final training loss: which runs count, and by how much they agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from seedproof.analysis.claims import Evidence, cells, ledger
from seedproof.analysis.claims.paper import CLAIMS
from seedproof.analysis.generalization import (
    COLUMNS,
    CORRELATION_COLUMNS,
    LAST_EPOCH,
    WHOLE,
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
    scores = [0.5, 0.5, 0.6, 0.7, 0.65, 0.8, 0.75, 0.77]
    losses = [0.7, 0.7, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
    row = loss_score_correlation(generalization_table(make_runs(scores).assign(training_loss=losses))).iloc[0]
    expected = scipy.stats.spearmanr(losses[2:], scores[2:]).statistic
    assert list(row.index) == list(CORRELATION_COLUMNS)
    assert (row["runs"], row["correlation"]) == (6, pytest.approx(expected))
    assert row["low"] < expected < row["high"]
    assert 0 < row["p_against"] < 0.1 < row["p"] < 1


def test_losses_without_dropout_are_taken_where_every_run_has_one(make_runs):
    """Else those of the last epoch, of all runs of the task and model: two kinds of loss are not compared."""
    runs = make_runs([0.6, 0.7, math.nan]).assign(
        training_loss=[0.5, 0.4, math.nan], fit_loss=[0.1, 0.2, math.nan], outcome=["succeeded", "succeeded", "failed"]
    )
    whole = generalization_table(runs)
    assert whole["training_loss"].tolist()[:2] == [0.1, 0.2]
    assert set(whole["measured"]) == {WHOLE}
    assert math.isnan(whole["training_loss"][2])  # it diverged
    parts = generalization_table(runs.assign(fit_loss=[0.1, math.nan, math.nan]))
    assert parts["training_loss"].tolist()[:2] == [0.5, 0.4]
    assert set(parts["measured"]) == {LAST_EPOCH}


def test_the_claim_about_one_rate_has_the_correlation_of_the_table(make_runs):
    """The same estimate; the ledger corrects the p-values, and compares within rates where there are several."""
    losses = np.random.default_rng(0).uniform(0.001, 0.1, 40)
    runs = make_runs([0.5 + loss / 4 for loss in losses]).assign(training_loss=0.5, fit_loss=losses[::-1])
    row = loss_score_correlation(generalization_table(runs)).iloc[0]
    evidence = Evidence(runs=runs, roles={"grid": cells("glue/rte", "bert", "devlin")})
    claim = ledger(evidence).set_index("claim").loc["very-low-loss-harmless"]
    for here, there in (("correlation", "effect"), ("low", "effect_low"), ("high", "effect_high")):
        assert row[here] == pytest.approx(claim[there])
    assert (row["p"], row["p_against"]) == pytest.approx((claim["p"], claim["p_against"]))
    assert claim["p_corrected"] == pytest.approx(len(CLAIMS) * claim["p"])


def test_too_few_successful_runs(make_runs):
    """A row that says how many there are, and no number."""
    table = generalization_table(make_runs([0.5, 0.7, 0.8]).assign(training_loss=[0.7, 0.1, 0.2]))
    row = loss_score_correlation(table).iloc[0]
    assert row["runs"] == 2
    assert math.isnan(row["low"])
    assert math.isnan(row["p"])
    assert row["missing"] == "fewer than 4 successful runs"
