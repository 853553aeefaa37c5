"""The claim that a very low training loss does no harm: where runs reach one, within rate and correction."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.claims.losses import Pooled
from seedproof.analysis.ranks import rank_correlation

from .conftest import cell, first, of_roles


def grid(slope, runs=90, noise=1.0, low=-5.0, offset=0.0):
    """Runs of three strata whose scores rise with the loss by ``slope``, and from stratum to stratum by ``offset``."""
    generator = np.random.default_rng(4)
    parts = []
    for stratum in range(3):
        logs = generator.uniform(low, -1, runs // 3) + stratum * (offset != 0)
        scores = 0.7 + 0.01 * (slope * logs + noise * generator.normal(size=len(logs)) + 4 * offset * stratum)
        part = cell(first(0, runs // 3), recipe=f"lr {stratum}", scores=scores)
        parts.append(part.assign(fit_loss=10**logs))
    failed = cell([1] * 10, recipe="lr 9").assign(fit_loss=0.69)
    return of_roles(grid=pd.concat([*parts, failed]))


def test_low_loss_is_harmless(decide):
    """No correlation is shown to be below the margin; a clear one is harm; some runs leave it open."""
    holds = decide("very-low-loss-harmless", grid(0.0, runs=240))
    assert holds.verdict == "holds"
    assert "240 successful runs in 3 of 3 strata" in holds.why
    assert decide("very-low-loss-harmless", grid(1.0)).verdict == "does not hold"
    assert decide("very-low-loss-harmless", grid(-1.0)).verdict == "holds"
    assert decide("very-low-loss-harmless", grid(0.15, runs=33)).verdict == "not decided"


def test_a_range_that_never_meets_the_premise_decides_nothing(decide):
    """No run came under .40 on the first organism, and the claim was said to hold."""
    decision = decide("very-low-loss-harmless", grid(0.0, runs=240, low=-1.2))
    assert decision.verdict == "not decided"
    assert "0 of 240 successful runs have a training loss of at most 0.05" in decision.why


def test_only_runs_of_one_rate_and_correction_are_compared(decide):
    """Within strata a low loss harms; between them it is the other way round, which pooling would show."""
    evidence = grid(1.0, runs=120, offset=-1.0)
    assert decide("very-low-loss-harmless", evidence).finding.effect > 0.3
    runs = evidence.of("grid")
    succeeded = runs[runs["outcome"] == "succeeded"]
    assert rank_correlation(succeeded["fit_loss"], succeeded["score"]).effect < 0.1
    one = dataclasses.replace(evidence, strata={f"lr {stratum}": "all" for stratum in range(3)})
    assert decide("very-low-loss-harmless", one).finding.effect < 0.1


def test_one_stratum_is_its_own_correlation():
    found = rank_correlation(np.arange(20), np.roll(np.arange(20), 3))
    pooled = Pooled([found])
    assert pooled.effect == pytest.approx(found.effect)
    assert pooled.interval() == pytest.approx(found.interval())
    assert 1 - pooled.p_above(0.3) == pytest.approx(found.p_beyond(0.3, "below"))


def test_two_tasks_or_no_recording_are_missing_evidence(decide):
    two = of_roles(grid=pd.concat([cell([0] * 20, recipe="a"), cell([0] * 20, recipe="a", task="cola")]))
    assert "found rte, cola" in decide("very-low-loss-harmless", two).why
    one = of_roles(grid=cell([0] * 40, recipe="a"))
    assert "the recording 'fit'" in decide("very-low-loss-harmless", one).why
