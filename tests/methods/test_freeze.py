"""What is frozen does not move or decay; it thaws from the top at the stated steps, with fresh moments."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from tests.fleets import make_model, make_run, plain_steps

from seedproof.errors import UserError
from seedproof.methods import method

STEADY = {
    "schedule": "constant",
    "warmup_ratio": 0.0,
    "weight_decay": 0.1,
    "bias_correction": True,
    "decay": "old",
    "eps_place": "after",
}


def level(name):
    """Embeddings 0, three blocks, head 4."""
    if "embeddings" in name:
        return 0
    layer = re.search(r"layer\.(\d)", name)
    return 1 + int(layer[1]) if layer else 4


def moving(engine, steps):
    """The levels of which every tensor moves, by step; a level of which only some do fails."""
    seen = []
    for _ in range(steps):
        before = copy.deepcopy(dict(engine.model.named_parameters()))
        engine._train_step()
        moved = {}
        for name, value in engine.model.named_parameters():
            moved.setdefault(level(name), set()).add(not torch.equal(value, before[name]))
        assert all(len(kinds) == 1 for at, kinds in moved.items() if at), moved  # rows without tokens may stand still
        seen.append([at for at, kinds in sorted(moved.items()) if True in kinds])
    return seen


@pytest.mark.parametrize(
    ("settings", "first_steps"),
    [
        ("", {4: 1, 3: 4, 2: 7, 1: 10, 0: 13}),  # 15 steps, 4 frozen levels
        ("(every=0.5)", {4: 1, 3: 3, 2: 6, 1: 8, 0: 11}),  # 5 steps per epoch
        ("(layers=1)", {4: 1, 3: 1, 2: 1, 1: 6, 0: 11}),
        ("(layers=0, unfreeze=never)", {4: 1, 3: 1, 2: 1, 1: 1, 0: 99}),
    ],
)
def test_levels_thaw_from_the_top_at_the_stated_steps(settings, first_steps):
    engine = make_run("bert", f"devlin + freeze{settings}", **STEADY).plain()
    expected = [sorted(at for at, first in first_steps.items() if first <= step) for step in range(1, 14)]
    assert moving(engine, 13) == expected
    assert all(value.requires_grad for value in engine.model.parameters())


def test_what_thaws_begins_with_fresh_moments():
    """From its first step on, a block takes the steps of a new optimizer."""
    run = make_run("bert", "devlin + freeze(every=0.4)", **STEADY)
    engine = run.plain("fp64")
    plain_steps(engine, 2)
    name = "bert.encoder.layer.2.output.dense.weight"
    value = torch.nn.Parameter(engine.model.get_parameter(name).detach().clone())
    assert torch.equal(value, run.model.get_parameter(name).double())
    stock = torch.optim.AdamW([value], lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.1)
    _, gradients = plain_steps(engine, 3)
    for _, clipped in gradients:
        assert name in clipped
        value.grad = clipped[name]
        stock.step()
    torch.testing.assert_close(engine.model.get_parameter(name).detach(), value.detach(), rtol=1e-12, atol=1e-14)


def test_layers_that_share_their_weights_thaw_as_one():
    method("freeze").check_model(make_model("albert"))
    with pytest.raises(
        UserError, match=r"layers = 1 freezes as many blocks, but the 3 layers of .* share the weights of 2"
    ):
        method("freeze", layers=1).check_model(make_model("albert"))
    with pytest.raises(UserError, match=r"layers = 7 freezes as many blocks, but .* has 3 blocks"):
        method("freeze", layers=7).check_model(make_model("bert"))


def test_a_time_of_thawing_for_what_never_thaws_is_refused():
    run = make_run("bert")
    with pytest.raises(UserError, match="every = 1 says when to thaw, but unfreeze = 'never'"):
        method("freeze", unfreeze="never", every=1.0).check(run.recipe)
