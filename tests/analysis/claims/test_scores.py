"""The claim that the baseline spreads less, and at no price."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from seedproof.analysis.claims import scores
from seedproof.analysis.claims.scores import stouffer
from seedproof.errors import UserError

from .conftest import cell, first, of_roles


def spread(baseline, other, seeds=25, role="devlin", failed=0, tasks=("rte", "cola"), other_failed=0):
    """Normal scores with these SDs on two tasks."""
    generator = np.random.default_rng(8)
    tables = {}
    for name, sd, bad in (("mosbach", baseline, failed), (role, other, other_failed)):
        parts = [
            cell(first(bad, seeds), recipe=name, task=task, scores=0.7 + sd * generator.normal(size=seeds))
            for task in tasks
        ]
        tables[name] = pd.concat(parts, ignore_index=True)
    return of_roles(**tables)


@pytest.mark.parametrize("role", ["devlin", "mixout"])
def test_the_baseline_spreads_less(decide, role):
    """Four times smaller; larger; a little smaller."""
    holds = decide(f"spread-{role}-at-no-price", spread(0.01, 0.04, role=role))
    assert holds.verdict == "holds"
    assert holds.finding.low > 1
    assert holds.finding.effect == pytest.approx(4, rel=0.4)
    assert decide(f"spread-{role}-at-no-price", spread(0.04, 0.02, role=role)).verdict == "does not hold"
    open_ = decide(f"spread-{role}-at-no-price", spread(0.03, 0.035, role=role))
    assert open_.verdict == "not decided"
    assert open_.n_needed > 25


def test_a_baseline_that_merely_learns_less_is_not_shown_to_be_better(decide):
    """Scores near the majority spread little: the same spreads, three SDs lower, or failing more often."""
    evidence = spread(0.01, 0.04)
    lower = evidence.runs["recipe"] == "mosbach"
    evidence.runs.loc[lower, "score"] -= 0.12
    decision = decide("spread-devlin-at-no-price", evidence)
    assert decision.verdict == "not decided"
    assert "scores no lower: p 1" in decision.why
    assert decide("spread-devlin-at-no-price", spread(0.01, 0.04, failed=8)).verdict == "not decided"


def test_one_task_is_scipy_s_levene(decide):
    """One-sided halves of both tests; the larger decides."""
    evidence = spread(0.02, 0.022, tasks=("rte",))
    groups = [evidence.of(role)["score"] for role in ("devlin", "mosbach")]
    expected = [scipy.stats.levene(*groups, center=center).pvalue / 2 for center in ("mean", "median")]
    assert decide("spread-devlin-at-no-price", evidence).finding.p == pytest.approx(max(expected))


def test_a_baseline_that_always_fails_has_no_small_spread(decide):
    """All runs at the majority spread by nothing: that is no stability."""
    decision = decide("spread-devlin-at-no-price", spread(0.0, 0.04, failed=20))
    assert decision.verdict == "not decided"
    assert "80% of the runs of mosbach failed" in decision.why


def test_a_recipe_that_always_fails_does_not_show_the_claim_wrong(decide):
    """A smaller spread of the other recipe counts against the claim only where it does not come from failing."""
    assert decide("spread-devlin-at-no-price", spread(0.04, 0.01)).verdict == "does not hold"
    decision = decide("spread-devlin-at-no-price", spread(0.04, 0.01, failed=5, other_failed=20))
    assert decision.verdict == "not decided"
    assert decision.finding.p_against == 1
    assert "10 of 50 runs of mosbach and 40 of 50 runs of devlin failed" in decision.why
    assert "80% of the runs of devlin failed on one task" in decision.why


def test_equal_scores_and_diverged_runs(decide):
    """A spread of exactly 0 is the smallest there is; a run without a score leaves none."""
    none = decide("spread-devlin-at-no-price", spread(0.0, 0.04))
    assert none.verdict == "holds"
    assert math.isnan(none.finding.effect)
    assert "have no ratio, as one of them is 0" in none.why
    assert decide("spread-devlin-at-no-price", spread(0.0, 0.0)).verdict == "does not hold"
    evidence = spread(0.01, 0.04)
    evidence.runs.loc[3, "score"] = math.nan
    decision = decide("spread-devlin-at-no-price", evidence)
    assert decision.verdict == "not decided"
    assert "1 of 50 runs of 'mosbach' diverged" in decision.why


def test_tasks_must_match(decide):
    """A spread on one task is not compared with one on another."""
    with pytest.raises(UserError, match="same tasks in the same order"):
        decide(
            "spread-devlin-at-no-price",
            of_roles(mosbach=cell([0, 0], recipe="a"), devlin=cell([0, 0], recipe="b", task="cola")),
        )


@given(st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=6))
def test_stouffer_equals_scipy(p_values):
    """And one p-value is itself."""
    expected = scipy.stats.combine_pvalues(p_values, "stouffer").pvalue
    assert stouffer(p_values) == pytest.approx(expected, rel=1e-6)


def test_resamples_are_drawn_in_batches_with_the_same_numbers(monkeypatch):
    """Whatever a batch holds, so that thousands of runs need no more memory than a few."""
    group = np.random.default_rng(3).random(50)
    whole = scores._deviation_draws(group, np.random.default_rng(0))
    monkeypatch.setattr(scores, "_BATCH", 777)
    assert np.array_equal(scores._deviation_draws(group, np.random.default_rng(0)), whole)
