"""Masks depend on the run's seed, the step and the place only, and are random enough for dropout.

The bounds are wide (five standard errors), the seeds fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seedproof.models.stacked.masks import DropProbability, Masks, site_keys
from seedproof.models.stacked.packing import Group
from seedproof.training.engine import step_seed

CPU = torch.device("cpu")
SITES = 12


def make_masks(runs, step=1, probability=0.1):
    """Of runs with these dropout seeds."""
    chances = np.broadcast_to(probability, len(runs))
    seeds = np.array([step_seed(run, step) for run in runs], np.uint64)
    return Masks(torch.from_numpy(site_keys(seeds, np.arange(SITES))), DropProbability.of(np.array(chances), CPU))


def group(owners, places, length):
    sequences = len(owners)
    return Group(torch.tensor(owners), torch.tensor(places), torch.zeros(sequences, 1, length), length)


def correlations(rows):
    """Correlations of all pairs of rows of zeros and ones, in standard errors."""
    rows = rows.double()
    rows = (rows - rows.mean(1, keepdim=True)) / rows.std(1, keepdim=True)
    pairs = rows @ rows.T / math.sqrt(rows.shape[1])
    return pairs[torch.ones_like(pairs).triu(1).bool()]


def test_a_mask_is_the_same_whoever_is_beside_it_and_however_it_is_padded():
    alone, among = make_masks([7]), make_masks([3, 7, 9], probability=[0.5, 0.1, 0.0])
    one, other = alone.tokens(4, 40, 16), among.tokens(4, 90, 16)
    assert torch.equal(one.bits[0], other.bits[1, :40])
    assert not torch.equal(one.bits[0], other.bits[0, :40])
    assert other.bits[2].eq(-1).all()  # no dropout: everything is kept
    assert torch.equal(alone.columns(2, 50)[0], among.columns(2, 70)[1, :50])


def test_a_mask_of_attention_depends_on_its_place_and_not_on_order_length_or_group():
    masks = make_masks([7, 8])
    one = masks.attention(3, group([0, 1, 1], [5, 2, 5], 9), 2).bits.view(3, 2, 9, 9)
    other = masks.attention(3, group([1, 0], [5, 5], 30), 2).bits.view(2, 2, 30, 30)
    assert torch.equal(one[2], other[0, :, :9, :9])
    assert torch.equal(one[0], other[1, :, :9, :9])
    kinds = [one[0, 0], one[0, 1], one[1, 0], one[2, 0], masks.attention(4, group([0], [5], 9), 2).bits[0]]
    assert all(not torch.equal(a, b) for i, a in enumerate(kinds) for b in kinds[:i])


def test_seed_step_and_site_all_move_a_mask():
    base = make_masks([7]).tokens(4, 40, 16).bits
    for masks, site in ((make_masks([8]), 4), (make_masks([7], step=2), 4), (make_masks([7]), 5)):
        assert not torch.equal(masks.tokens(site, 40, 16).bits, base)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_as_many_are_dropped_as_should_be(probability):
    """In each member and site within five standard errors, and over all of them chi-squared as it should be."""
    masks = make_masks(range(20), probability=probability)
    kept = torch.stack([masks.tokens(site, 64, 64).bits != 0 for site in range(SITES)]).double().mean((2, 3))
    error = math.sqrt(max(probability * (1 - probability), 1e-30) / 64**2)
    scores = (kept - (1 - probability)) / error
    assert scores.abs().max() < 5
    count = scores.numel()
    if probability:
        assert abs(scores.square().sum() - count) < 5 * math.sqrt(2 * count)


def test_what_is_kept_is_scaled():
    drop = make_masks([1, 2], probability=[0.25, 0.0]).tokens(0, 30, 8)
    x = torch.randn(2, 30, 8)
    dropped = drop(x)
    assert torch.equal(dropped[1], x[1])
    torch.testing.assert_close(dropped[0], torch.where(drop.bits[0] != 0, x[0] / 0.75, 0.0))
    assert torch.equal(drop.kept(x)[0], torch.where(drop.bits[0] != 0, x[0], 0.0))


def test_runs_sites_steps_and_neighbours_are_unrelated():
    rows = {
        "runs and sites": torch.cat([make_masks(range(8)).tokens(s, 96, 64).bits.flatten(1) for s in range(SITES)]),
        "steps": torch.cat([make_masks([5], step).tokens(3, 96, 64).bits.flatten(1) for step in range(1, 80)]),
        "tokens": make_masks([5]).tokens(3, 80, 4096).bits[0],
        "columns": make_masks([5]).tokens(3, 4096, 80).bits[0].T,
        "heads and sequences": make_masks([5]).attention(2, group([0] * 8, list(range(8)), 64), 8).bits.flatten(1),
        "queries": make_masks([5])
        .attention(2, group([0] * 64, list(range(64)), 64), 1)
        .bits.transpose(0, 1)
        .flatten(1),
    }
    for name, bits in rows.items():
        scores = correlations(bits != 0)
        count = len(scores)
        assert scores.abs().max() < 5.5, name
        assert abs(scores.square().mean() - 1) < 6 * math.sqrt(2 / count) + 0.02, name
        assert abs(scores.mean()) < 6 / math.sqrt(count) + 0.02, name


def test_a_token_is_dropped_as_often_as_any_other():
    """Over many steps: no place of the hash is favoured."""
    kept = torch.stack([make_masks([5], step).tokens(3, 32, 32).bits[0] != 0 for step in range(1, 1001)]).double()
    scores = (kept.mean(0) - 0.9) / math.sqrt(0.09 / 1000)
    assert scores.abs().max() < 5.5
    assert abs(scores.square().mean() - 1) < 6 * math.sqrt(2 / scores.numel())
