"""Mixout in a fleet draws its masks by run, step, matrix and use, and for the members that ask for it alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.fleets import make_fleet, make_run

from seedproof.training.engine import step_seed

ATTENTION = tuple(
    f"albert.encoder.albert_layer_groups.0.albert_layers.0.attention.{n}" for n in ("query", "key", "value")
)
OUTPUT = ("albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output",)


def make_engine(*runs):
    engine, _, _ = make_fleet(runs)
    return engine


def scale_of(engine, names, use=0, step=1):
    seeds = np.array([step_seed(member.seeds.dropout, step) for member in engine.members], np.uint64)
    mix = engine._mixed.at(engine._state.stack, seeds).of(names, use)
    return None if mix is None else mix.scale[:, :, 0]


@pytest.fixture(scope="module")
def engine():
    return make_engine(
        make_run("albert", "mixout", seed=1, p=0.5),
        make_run("albert", seed=2),
        make_run("albert", "mixout-linear", seed=3, p=0.2),
    )


def test_members_use_their_own_probability_and_layers(engine):
    scale = scale_of(engine, ATTENTION)
    assert scale.shape == (3, 3, 16)
    assert set(scale[0].unique().tolist()) == {0.0, 2.0}
    assert scale[1].eq(1.0).all()
    assert set(scale[2].unique().tolist()) == {0.0, 1.25}
    # Lee et al. do not mix the output of the feed-forward part; where nobody does, nothing is computed.
    assert scale_of(engine, OUTPUT)[0].eq(1.0).all()
    assert scale_of(make_engine(make_run("albert", "mixout", seed=1)), OUTPUT) is None
    assert make_engine(make_run("albert"))._mixed.at(engine._state.stack, np.zeros(1, np.uint64)) is None


def test_each_matrix_use_step_and_seed_has_its_own_mask(engine):
    base = scale_of(engine, ATTENTION)[0]
    others = [base[1], base[2], scale_of(engine, ATTENTION, use=1)[0, 0], scale_of(engine, ATTENTION, step=2)[0, 0]]
    others.append(scale_of(make_engine(make_run("albert", "mixout", seed=9, p=0.5)), ATTENTION)[0, 0])
    assert all(not torch.equal(base[0], other) for other in others)
    assert torch.equal(base, scale_of(make_engine(make_run("albert", "mixout", seed=1, p=0.5)), ATTENTION)[0])


def test_as_many_columns_are_kept_as_should_be(engine):
    kept = torch.stack([scale_of(engine, ATTENTION, step=step) != 0 for step in range(200)]).double()
    count = 200 * 3 * 16
    for member, probability in ((0, 0.5), (2, 0.2)):
        error = (probability * (1 - probability) / count) ** 0.5
        assert abs(kept[:, member].mean() - (1 - probability)) < 5 * error


def test_targets_are_those_of_the_members_models(engine):
    seeds = np.zeros(3, np.uint64)
    target = engine._mixed.at(engine._state.stack, seeds).of(("classifier",), 0).target
    assert not target[:2].any()  # toward 0 as Lee et al. do, or no member of Mixout
    assert torch.equal(target[2], engine.members[2].model.classifier.weight)
    assert torch.equal(target[2], engine.members[2].model.classifier.target)


def test_the_projection_of_the_embeddings_is_mixed_where_the_recipe_follows_the_flow():
    """It takes a dropout's output; runs of older stores leave it as it is."""
    mapping = ("albert.encoder.embedding_hidden_mapping_in",)
    runs = make_run("albert", "mixout", seed=1, p=0.5, covers="flow"), make_run("albert", "mixout", seed=2, p=0.5)
    scale = scale_of(make_engine(*runs), mapping)
    assert set(scale[0].unique().tolist()) == {0.0, 2.0}
    assert scale[1].eq(1.0).all()
    assert scale_of(make_engine(runs[1]), mapping) is None
