"""Weights decay toward those they were pre-trained to; head, pooler and what was drawn anew toward 0."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from tests.fleets import make_run, plain_steps

from seedproof.errors import UserError
from seedproof.methods import method

STEPS = 3


def decay(model, targets, amount):
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim > 1:
                value -= amount * (value - targets[name])


@pytest.mark.parametrize("when", ["old", "updated"])
@pytest.mark.parametrize(
    ("more", "toward_zero"), [("", r"pooler|classifier"), (" + reinit(layers=1)", r"pooler|classifier|layer\.2\.")]
)
def test_steps_are_those_of_adam_and_a_decay_by_hand(when, more, toward_zero):
    run = make_run(
        "bert",
        f"devlin + pretrained_decay{more}",
        decay=when,
        weight_decay=0.4,
        learning_rate=0.05,
        bias_correction=True,
        eps_place="after",
    )
    engine = run.plain("fp64")
    model = copy.deepcopy(engine.model)
    targets = {
        name: torch.zeros_like(value) if re.search(toward_zero, name) else value.detach().clone()
        for name, value in model.named_parameters()
    }
    stock = torch.optim.Adam(model.parameters(), betas=(run.recipe.beta1, run.recipe.beta2), eps=run.recipe.eps)
    _, gradients = plain_steps(engine, STEPS)
    for rate, (_, clipped) in zip(run.plan.learning_rates, gradients, strict=False):
        for name, value in model.named_parameters():
            value.grad = clipped[name]
        stock.param_groups[0]["lr"] = rate
        if when == "old":
            decay(model, targets, rate * 0.4)
        stock.step()
        if when == "updated":
            decay(model, targets, rate * 0.4)
    for name, value in engine.model.named_parameters():
        torch.testing.assert_close(value, model.get_parameter(name), rtol=1e-10, atol=1e-12, msg=name)


def test_a_recipe_without_weight_decay_is_refused():
    run = make_run("albert", weight_decay=0.0)
    with pytest.raises(UserError, match=r"weight_decay = 0 of recipe .* decays nothing; set weight_decay=0.01"):
        method("pretrained_decay").check(run.recipe)
