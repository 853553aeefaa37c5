"""The stacked optimizer is ``AdamW`` with clipping on separate tensors, for every member with its own settings."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from tests.fleets import make_model

from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.stack import Stack
from seedproof.recipes import Recipe
from seedproof.training.fleet.optimizer import Rates, StackedAdamW
from seedproof.training.groups import parameter_groups
from seedproof.training.optimizer import AdamW, clip_each_tensor

STEPS = 12
BASE = Recipe(learning_rate=1.0, dropout=0.0, beta1=0.9, beta2=0.99, weight_decay=0.1, eps=1e-3, clip="none")
CHOICES = itertools.product((True, False), ("before", "after"), ("updated", "old"), ("none", "global", "tensor"))
VARIANTS = [
    dataclasses.replace(BASE, bias_correction=corrected, eps_place=place, decay=decay, clip=clip)
    for corrected, place, decay, clip in CHOICES
]
OTHERS = [
    dataclasses.replace(BASE, beta1=0.0),
    dataclasses.replace(BASE, beta1=0.7, beta2=0.5, bias_correction=True),
    dataclasses.replace(BASE, weight_decay=0.0, eps=1e-8, eps_place="after", bias_correction=True),
    dataclasses.replace(BASE, clip="global", max_grad_norm=0.03),
    dataclasses.replace(BASE, clip="tensor", max_grad_norm=0.03),
]


def mostly_slow(variants):
    """Parameters of which four, with every choice between them, are fast."""
    return [pytest.param(one, marks=[pytest.mark.slow] if index % 7 else []) for index, one in enumerate(variants)]


def rate(member, step):
    """Another for each member and step, 0 too."""
    return 0.05 * ((step + member) % 5) / 5


def gradients(model, member, step):
    """Over a wide range of sizes, so that eps, corrections and clipping all matter; some tensors have 0."""
    generator = torch.Generator().manual_seed(1000 * member + step)
    for index, (name, value) in enumerate(model.named_parameters()):
        size = 0.0 if index % 11 == 3 else 10.0 ** (-(step % 4) - index % 3)
        yield name, size * torch.randn(value.shape, generator=generator, dtype=value.dtype)


def train_alone(recipe, model, member):
    optimizer = AdamW(
        parameter_groups(model, recipe.required("weight_decay"), {}, ()),
        lr=1.0,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.eps,
        bias_correction=recipe.bias_correction,
        decay=recipe.decay,
        eps_place=recipe.eps_place,
    )
    for step in range(STEPS):
        for name, gradient in gradients(model, member, step):
            model.get_parameter(name).grad = gradient
        if recipe.clip == "global":
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        elif recipe.clip == "tensor":
            clip_each_tensor(model.parameters(), recipe.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate(member, step)
        optimizer.step()
    return dict(model.named_parameters()), optimizer.state


def train_stack(recipes, dtype):
    models = [make_model("albert", seed).to(dtype) for seed in range(len(recipes))]
    stack = Stack(Layout.of(models[0]), len(recipes), dtype=dtype)
    for member, model in enumerate(models):
        stack.load(member, model.state_dict())
    optimizer = StackedAdamW(stack)
    for step in range(STEPS):
        for member, model in enumerate(models):
            stack.write(stack.gradients, member, dict(gradients(model, member, step)))
        optimizer.clip(recipes)
        rates = [rate(member, step) for member in range(len(recipes))]
        optimizer.step(Rates.of(recipes, rates, [step + 1] * len(recipes)))
    return models, stack, optimizer


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), pytest.param(torch.float32, 2e-4, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "recipes",
    [VARIANTS, OTHERS, *([one] for one in OTHERS), *mostly_slow([[one] for one in VARIANTS])],
    ids=lambda recipes: str(len(recipes)),
)
def test_every_variant_equals_adamw_on_separate_tensors(recipes, dtype, tolerance):
    """All of them side by side in one stack, and each alone (which is the fused kernel's step); weights and averages."""
    models, stack, optimizer = train_stack(recipes, dtype)
    for member, (recipe, model) in enumerate(zip(recipes, models, strict=True)):
        expected, state = train_alone(recipe, model, member)
        weights, averages, squares = (
            stack.read(slabs, member) for slabs in (stack.values, optimizer.first_moments, optimizer.second_moments)
        )
        close = {"rtol": tolerance, "atol": tolerance * 1e-2}
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value.detach(), **close)
            torch.testing.assert_close(averages[name], state[value]["exp_avg"], **close)
            torch.testing.assert_close(squares[name], state[value]["exp_avg_sq"], **close)


def test_a_slab_may_be_updated_in_parts(monkeypatch):
    _, whole, _ = train_stack(OTHERS, torch.float32)
    monkeypatch.setattr("seedproof.training.fleet.optimizer.COLUMNS", 100)
    _, parts, _ = train_stack(OTHERS, torch.float32)
    assert all(torch.equal(one, other) for one, other in zip(whole.values, parts.values, strict=True))


@pytest.mark.parametrize("recipe", mostly_slow(VARIANTS))
def test_members_that_are_alike_take_the_step_of_each(recipe, monkeypatch):
    monkeypatch.setitem(globals(), "rate", lambda member, step: 0.05 * (step % 5) / 5)
    _, fused, _ = train_stack([recipe] * 3, torch.float64)
    monkeypatch.setattr(Rates, "are_alike", False)
    _, each, _ = train_stack([recipe] * 3, torch.float64)
    for found, expected in zip(fused.values, each.values, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


def test_members_may_be_at_other_steps():
    """The correction is that of each member's own step."""
    recipes = [dataclasses.replace(BASE, bias_correction=True, eps=1e-30, weight_decay=0.0)] * 2
    stack = Stack(Layout.of(make_model("bert")), 2)
    for gradient in stack.gradients:
        gradient.fill_(2.0)
    StackedAdamW(stack).step(Rates.of(recipes, [1e-3, 1e-3], [1, 70]))
    for value in stack.values:
        later = 1e-3 * math.sqrt(1 - 0.99**70) / (1 - 0.9**70)  # times m / sqrt(v) = .1 g / (.1 g)
        torch.testing.assert_close(value[0], torch.full_like(value[0], -1e-3), rtol=1e-4, atol=0)
        torch.testing.assert_close(value[1], torch.full_like(value[1], -later), rtol=1e-4, atol=0)


def test_a_norm_that_is_not_finite_stays_visible_in_its_member():
    """As in the plain engine: its gradients are not finite either; a mate's are untouched."""
    recipes = [dataclasses.replace(BASE, clip="global"), dataclasses.replace(BASE, clip="tensor"), BASE]
    stack = Stack(Layout.of(make_model("bert")), 3)
    for gradient in stack.gradients:
        gradient.fill_(1e-4)
    stack.gradients[0][0, 5] = math.inf
    StackedAdamW(stack).clip(recipes)
    assert not any(value[0].isfinite().all() and value[0].any() for value in stack.gradients)
    assert all(torch.equal(value[1:], torch.full_like(value[1:], 1e-4)) for value in stack.gradients)


def test_keeping_and_clearing_members():
    _, stack, optimizer = train_stack(OTHERS, torch.float32)
    kept = optimizer.keep([4, 1], stack.keep([4, 1]))
    for slabs, fresh in (
        (optimizer.first_moments, kept.first_moments),
        (optimizer.second_moments, kept.second_moments),
    ):
        assert all(torch.equal(value[[4, 1]], new) for value, new in zip(slabs, fresh, strict=True))
    kept.clear(0)
    for slabs, fresh in (
        (optimizer.first_moments, kept.first_moments),
        (optimizer.second_moments, kept.second_moments),
    ):
        assert not any(value[0].any() for value in fresh)
        assert all(torch.equal(value[1], new[1]) for value, new in zip(slabs, fresh, strict=True))
