"""What separates two optima: ridges of the gradient norm and barriers of the loss, on planes whose successful point learned."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.claims.evidence import Evidence
from seedproof.analysis.claims.ridges import least_maximum

from .conftest import cell

LN2 = math.log(2)


def planes(ridges, barriers=None, successful=0.1, **columns):
    """A plane of its own head for each ridge; the other edges are higher than anything and must not count."""
    rows = []
    for head, ridge in enumerate(ridges):
        height = 0.0 if barriers is None else barriers[head]
        for edge, one, other in (("p-f", 9.0, 9.0), ("p-s", 9.0, 9.0), ("f-s", ridge, height)):
            rows.append({"task": "rte", "head": head, "edge": edge, "norm_ridge": one, "barrier": other})
    table = pd.DataFrame(rows).assign(successful_loss=successful, **columns)
    return Evidence(runs=cell([0], recipe="a"), barriers=table, label_entropy={"rte": LN2})


def test_a_ridge_of_the_gradient_norm(decide):
    assert decide("ridge-gradient-norm", planes([2.2, 8.8, 3.6] * 4)).verdict == "holds"
    wrong = decide("ridge-gradient-norm", planes([1.4] * 10))
    assert wrong.verdict == "does not hold"
    assert "to 1.5 times its larger end or more in 0 of 10 planes (ratio median 1.4" in wrong.why
    assert decide("ridge-gradient-norm", planes([2.0, 2.0, 1.0, 1.0, math.nan])).finding.effect == 0.4


def test_a_barrier_of_the_loss(decide):
    assert decide("barrier-loss", planes([9.0] * 10, [0.3] * 10)).verdict == "holds"
    wrong = decide("barrier-loss", planes([9.0] * 10, [0.04] * 10))
    assert wrong.verdict == "does not hold"
    assert "in 0 of 10 planes (median 0.04" in wrong.why


@pytest.mark.parametrize("claim", ["ridge-gradient-norm", "barrier-loss"])
def test_between_points_that_never_learned_nothing_is_decided(decide, claim):
    """The successful point at the entropy, as on the planes of the first organism: its premise is not met."""
    decision = decide(claim, planes([9.0] * 12, [9.0] * 12, successful=LN2))
    assert decision.verdict == "not decided"
    assert (
        "none of the 12 planes has a successful point with a loss of at most 0.5 of the label entropy" in decision.why
    )


def test_planes_of_one_head_count_once_and_what_does_not_count_is_said(decide):
    evidence = planes([9.0] * 12, head=np.repeat([0, 1, 2, 3], 9), successful=np.repeat([0.1, 0.1, 0.1, 0.6], 9))
    decision = decide("ridge-gradient-norm", evidence)
    assert decision.finding.n == 3
    assert "of 3 more the successful point has a loss over 0.5 of the label entropy, 6 more share" in decision.why


def test_the_edge_from_the_pretrained_to_the_failed_point_is_said(decide):
    """Figure 13 shows the failed point apart from both others; the claim is about the successful one."""
    evidence = planes([2.2, 8.8, 1.0], [0.3, 0.3, 0.3], plane=np.repeat(["a", "b", "c"], 3))
    assert (
        "from the pre-trained to the failed point it rises so in 3 of 3." in decide("ridge-gradient-norm", evidence).why
    )
    evidence.barriers.loc[evidence.barriers["plane"] == "b", ["norm_ridge", "barrier"]] = 0.0
    assert "from the pre-trained to the failed point it rises so in 2 of 3." in decide("barrier-loss", evidence).why


def test_planes_without_norms_or_entropy_are_missing_evidence(decide):
    whole = planes([9.0] * 12)
    without = dataclasses.replace(whole, barriers=whole.barriers.drop(columns="norm_ridge"))
    assert "no plane has gradient norms on its edge" in decide("ridge-gradient-norm", without).why
    nothing = Evidence(runs=without.runs, barriers=without.barriers)
    assert "entropy of the training labels of 'rte'" in decide("barrier-loss", nothing).why


def test_the_least_maximum_over_all_paths():
    """By hand: a wall with one low pass; with the pass closed the wall itself; walled in by what is no number, none."""
    values = np.array([[0.0, 9.0, 0.0], [0.0, 5.0, 0.0], [0.0, 9.0, 0.0]])
    beta, alpha = np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], indexing="ij")
    grid = pd.DataFrame({"alpha": alpha.ravel(), "beta": beta.ravel(), "loss": values.ravel()})
    assert least_maximum(grid, "loss", (0.1, 0.0), (2.0, 2.1)) == 5.0
    closed = grid.assign(loss=grid["loss"].replace(5.0, 11.0))
    assert least_maximum(closed, "loss", (0.0, 0.0), (2.0, 2.0)) == 9.0
    lost = grid.assign(loss=grid["loss"].where(grid["alpha"] != 1.0))
    assert math.isnan(least_maximum(lost, "loss", (0.0, 0.0), (2.0, 2.0)))
    assert least_maximum(grid, "loss", (1.0, 0.0), (1.0, 0.0)) == 9.0  # an end counts
