"""Re-initialization draws the pooler and the top blocks, and nothing else, from the head seed."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from tests.fleets import make_fleet, make_model, make_run

from seedproof.errors import UserError
from seedproof.methods import method
from seedproof.models.loading import draw_missing
from seedproof.recipes import from_json

DRAWN = {"bert": r"bert\.pooler|layer\.[12]\.", "roberta": r"layer\.[12]\."}


def weights(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def after_start(run):
    return weights(run.plain().model)


@pytest.mark.parametrize("family", DRAWN)
def test_the_top_blocks_and_the_pooler_are_drawn_and_nothing_else(family):
    run = make_run(family, "devlin + reinit(layers=2)")
    before, after = weights(run.model), after_start(run)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if re.search(DRAWN[family], name)}
    for name in changed:
        if after[name].ndim == 1:
            assert after[name].eq(0.0 if name.endswith("bias") else 1.0).all(), name
    drawn = torch.cat([after[name].flatten() for name in changed if after[name].ndim > 1])
    assert abs(drawn.mean()) < 5 * 0.02 / len(drawn) ** 0.5
    assert abs(drawn.std() / 0.02 - 1) < 5 / (2 * len(drawn)) ** 0.5


def test_the_head_seed_decides_the_draws_which_are_the_same_in_both_engines():
    run = make_run("bert", "devlin + reinit(layers=1)", seed=4)
    other = make_run("bert", "devlin + reinit(layers=1)", seed=5, model=run.model)
    state = torch.get_rng_state()
    first, second = after_start(run), after_start(other)
    assert torch.equal(torch.get_rng_state(), state)
    engine, _, _ = make_fleet([run, other])
    for index, expected in enumerate((first, second)):
        stacked = engine._state.stack.weights(index)
        assert all(torch.equal(stacked[name], value) for name, value in expected.items())
    query = "bert.encoder.layer.2.attention.self.query.weight"
    assert not torch.equal(first[query], second[query])


def test_the_draws_are_not_those_of_the_head():
    run = make_run("bert", "devlin + reinit(layers=0)", seed=4)
    head = copy.deepcopy(run.model)
    draw_missing(head, ["bert.pooler.dense.weight"], 4, 0.02)
    assert not torch.equal(head.bert.pooler.dense.weight, after_start(run)["bert.pooler.dense.weight"])


def test_more_blocks_than_there_are_and_blocks_that_share_weights_are_refused():
    with pytest.raises(
        UserError, match=r"layers = 4 draws as many blocks anew, but .* has 3 blocks; give layers of at most 3"
    ):
        method("reinit", layers=4).check_model(make_model("bert"))
    with pytest.raises(UserError, match=r"the 3 layers of .* share the weights of 2, .* give layers=0"):
        method("reinit", layers=1).check_model(make_model("albert"))
    method("reinit", layers=0).check_model(make_model("albert"))
    with pytest.raises(
        UserError, match=r"the pooler alone, and .* has none that was pre-trained; give layers of at least 1"
    ):
        method("reinit", layers=0).check_model(make_model("roberta"))


@pytest.mark.parametrize("written", ["mixout + reinit(layers=1)", "devlin + reinit(layers=1) + mixout"])
def test_mixout_pulls_drawn_blocks_to_what_they_were_drawn_as(written):
    """Whichever is written first, in both engines: not to the pre-trained weights that are to be forgotten."""
    run = make_run("bert", written, seed=4)
    model = run.plain().model
    engine, members, _ = make_fleet([run])
    start = engine._state.stack.weights(0)
    for name, mixture in members[0].effects.mixtures.items():
        if "encoder.layer" in name:
            assert torch.equal(mixture.target, start[f"{name}.weight"]), name
            assert torch.equal(model.get_submodule(name).target, model.get_submodule(name).weight), name


def test_only_the_order_that_was_wrong_has_another_identity():
    """Stored recipes mean what they meant; ids of what was right stay."""
    stored = {name: make_run("bert", name).recipe.to_json() for name in ("mixout", "mosbach + reinit + mixout")}
    assert "starts" not in str(stored)
    now = make_run("bert", "mixout + reinit").recipe.to_json()
    assert now.pop("starts") == "last"
    assert from_json(now).to_json() == now  # of an earlier version
