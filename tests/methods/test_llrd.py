"""Layer-wise learning rate decay is parameter groups made by hand."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from tests.fleets import make_model, make_run, plain_steps

from seedproof.errors import UserError
from seedproof.methods import method

AS_TORCH = {"bias_correction": True, "decay": "old", "eps_place": "after", "weight_decay": 0.1, "learning_rate": 0.01}


def below_the_top(name):
    """How many times the rate is multiplied, of three layers."""
    if "embeddings" in name:
        return 4
    layer = re.search(r"layer\.(\d)", name)
    return 3 - int(layer[1]) if layer else 0


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_steps_are_those_of_torchs_adamw_over_groups_made_by_hand(family):
    run = make_run(family, "devlin + llrd(decay=0.5)", **AS_TORCH)
    model, engine = copy.deepcopy(run.model).double(), run.plain("fp64")
    groups = [
        {"params": [value], "weight_decay": 0.1 if value.ndim > 1 else 0.0, "factor": 0.5 ** below_the_top(name)}
        for name, value in model.named_parameters()
    ]
    stock = torch.optim.AdamW(groups, betas=(run.recipe.beta1, run.recipe.beta2), eps=run.recipe.eps)
    _, gradients = plain_steps(engine, 3)
    for rate, (_, clipped) in zip(run.plan.learning_rates, gradients, strict=False):
        for name, value in model.named_parameters():
            value.grad = clipped[name]
        for group in stock.param_groups:
            group["lr"] = rate * group["factor"]
        stock.step()
    for name, value in engine.model.named_parameters():
        torch.testing.assert_close(value, model.get_parameter(name), rtol=1e-10, atol=1e-12, msg=name)


def test_layers_that_share_their_weights_are_refused():
    with pytest.raises(UserError, match="the 3 layers of AlbertForSequenceClassification share the weights of 2"):
        method("llrd").check_model(make_model("albert"))


def test_a_model_without_blocks_is_refused():
    with pytest.raises(UserError, match="llrd goes by the depth of a layer, and the layers of Linear cannot be told"):
        method("llrd").check_model(torch.nn.Linear(2, 2))


def test_a_model_with_a_decoder_is_refused():
    halves = torch.nn.ModuleDict({"encoder": torch.nn.Linear(2, 2), "decoder": torch.nn.Linear(2, 2)})
    with pytest.raises(UserError, match="ModuleDict has a decoder behind its encoder; leave llrd out"):
        method("llrd").check_model(torch.nn.ModuleDict({"model": halves}))


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_a_decay_outside_of_its_range_is_refused(decay):
    with pytest.raises(UserError, match=r"llrd: decay = .* must be a number above 0 and below 1"):
        method("llrd", decay=decay)
