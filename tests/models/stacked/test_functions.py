"""Each operation of a stack, with its gradients written in place, is what plain torch and its autograd compute.

In fp64, and with dropout in fp32, where the masks live.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from seedproof.models.stacked.functions import Mix, attention, dropped, layer_norm, linear, lookup
from seedproof.models.stacked.masks import DropProbability, Masks, site_keys
from seedproof.models.stacked.packing import TokenTable, pack
from seedproof.models.stacked.stack import Slot

MEMBERS, TOKENS, INPUTS, OUTPUTS = 3, 7, 5, 6


def tensor(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=dtype)


def make_slot(*shape, seed=0, dtype=torch.float64):
    value = tensor(*shape, seed=seed, dtype=dtype)
    return Slot(value, torch.full_like(value, math.nan)), value.clone().requires_grad_()


def make_masks(probability=0.3):
    seeds = np.arange(MEMBERS, dtype=np.uint64)
    chance = DropProbability.of(np.array([probability, 0.0, probability]), torch.device("cpu"))
    return Masks(torch.from_numpy(site_keys(seeds, np.arange(2))), chance)


def compare(ours, plain, pairs, **close):
    """Values, and after a backward pass the gradients of ``pairs``: a slot or tensor and the plain leaf."""
    torch.testing.assert_close(ours, plain, **close)
    incoming = tensor(*ours.shape, seed=9, dtype=ours.dtype)
    ours.backward(incoming)
    plain.backward(incoming)
    for mine, theirs in pairs:
        torch.testing.assert_close(mine.gradient if isinstance(mine, Slot) else mine.grad, theirs.grad, **close)


def test_linear():
    weight, plain_weight = make_slot(MEMBERS, OUTPUTS, INPUTS)
    bias, plain_bias = make_slot(MEMBERS, OUTPUTS)
    x = tensor(MEMBERS, TOKENS, INPUTS).requires_grad_()
    plain_x = x.detach().clone().requires_grad_()
    ours = linear(x, weight, bias, dtype=torch.float64)
    plain = torch.stack([nn.functional.linear(*three) for three in zip(plain_x, plain_weight, plain_bias, strict=True)])
    compare(ours, plain, [(x, plain_x), (weight, plain_weight), (bias, plain_bias)])


def test_a_slot_used_twice_gathers_both_gradients():
    weight, plain_weight = make_slot(MEMBERS, INPUTS, INPUTS)
    bias, plain_bias = make_slot(MEMBERS, INPUTS)
    x = tensor(MEMBERS, TOKENS, INPUTS).requires_grad_()
    plain = x.detach()
    ours = x
    for _ in range(2):
        ours = linear(ours, weight, bias, dtype=torch.float64).tanh()
        plain = (plain @ plain_weight.transpose(1, 2) + plain_bias[:, None]).tanh()
    compare(ours, plain, [(weight, plain_weight), (bias, plain_bias)])


@pytest.mark.parametrize("is_legacy", [False, True])
def test_linear_with_mixout(is_legacy):
    """Two matrices joined, each with a mask of its own; the last member does not mix; the legacy gradient lacks 1/(1-p)."""
    p = torch.tensor([0.5, 0.2, 0.0], dtype=torch.float64).view(-1, 1, 1, 1)
    mask = (tensor(MEMBERS, 2, 1, INPUTS, seed=3) > 0).double()
    mask[2] = 1.0
    mix = Mix(tensor(MEMBERS, 2 * OUTPUTS, INPUTS, seed=4), mask / (1 - p), mask if is_legacy else mask / (1 - p))
    weight, plain_weight = make_slot(MEMBERS, 2 * OUTPUTS, INPUTS)
    bias, plain_bias = make_slot(MEMBERS, 2 * OUTPUTS)
    x = tensor(MEMBERS, TOKENS, INPUTS).requires_grad_()
    plain_x = x.detach().clone().requires_grad_()
    m = mask.repeat_interleave(OUTPUTS, 1).reshape(MEMBERS, 2 * OUTPUTS, INPUTS)
    p = p.view(-1, 1, 1)
    mixed = ((1 - m) * mix.target + m * plain_weight - p * mix.target) / (1 - p)  # as published
    plain = x.detach() @ mixed.transpose(1, 2) + plain_bias[:, None]
    plain = plain + (plain_x - x.detach()) @ mixed.detach().transpose(1, 2)
    ours = linear(x, weight, bias, mix=mix, dtype=torch.float64)
    if is_legacy:
        plain_weight.register_hook(lambda gradient: gradient * (1 - p))
    compare(ours, plain, [(x, plain_x), (weight, plain_weight), (bias, plain_bias)])


@pytest.mark.parametrize("has_two", [False, True])
def test_norm(has_two):
    weight, plain_weight = make_slot(MEMBERS, INPUTS)
    bias, plain_bias = make_slot(MEMBERS, INPUTS, seed=1)
    inputs = [tensor(MEMBERS, TOKENS, INPUTS, seed=seed).requires_grad_() for seed in range(1 + has_two)]
    plains = [value.detach().clone().requires_grad_() for value in inputs]
    ours = layer_norm(inputs[0], weight, bias, 1e-3, x=inputs[1] if has_two else None)
    plain = torch.stack(
        [
            nn.functional.layer_norm(sum(value[member] for value in plains), (INPUTS,), *both, eps=1e-3)
            for member, both in enumerate(zip(plain_weight, plain_bias, strict=True))
        ]
    )
    compare(ours, plain, [*zip(inputs, plains, strict=True), (weight, plain_weight), (bias, plain_bias)])


def test_norm_with_dropout_and_dropout_alone():
    drop = make_masks().tokens(0, TOKENS, INPUTS)
    factor = (drop.bits != 0) * drop.scale
    assert 0 < (factor[0] == 0).sum() < factor[0].numel()
    weight, plain_weight = make_slot(MEMBERS, INPUTS, dtype=torch.float32)
    bias, plain_bias = make_slot(MEMBERS, INPUTS, seed=1, dtype=torch.float32)
    inputs = [tensor(MEMBERS, TOKENS, INPUTS, seed=seed, dtype=torch.float32).requires_grad_() for seed in (1, 2)]
    plains = [value.detach().clone().requires_grad_() for value in inputs]
    ours = layer_norm(inputs[0], weight, bias, 1e-5, x=inputs[1], drop=drop)
    total = nn.functional.layer_norm(plains[0] + factor * plains[1], (INPUTS,), eps=1e-5)
    plain = total * plain_weight[:, None] + plain_bias[:, None]
    pairs = [*zip(inputs, plains, strict=True), (weight, plain_weight), (bias, plain_bias)]
    compare(dropped(ours, drop), factor * plain, pairs, rtol=1e-4, atol=1e-5)
    assert dropped(ours, None) is ours


def test_lookup_adds_up_what_repeats():
    table, plain_table = make_slot(MEMBERS, 4, INPUTS)
    rows = torch.tensor([0, 5, 5, 11, 0, 5])
    plain = nn.functional.embedding(rows, plain_table.reshape(-1, INPUTS))
    compare(lookup(table, rows), plain, [(table, plain_table)])


@pytest.mark.parametrize("probability", [0.0, 0.3])
def test_attention(probability):
    """Dropout of the shares included: the same masks by hand, sequence by sequence."""
    heads, size, lengths = 2, 4, [[3, 1], [5, 4], [2]]
    tables = [TokenTable.of([[1] * n for n in rows], None, np.zeros(len(rows), np.int64)) for rows in lengths]
    batch = pack(tables, [np.arange(len(rows)) for rows in lengths], heads)
    masks, groups = make_masks(probability), batch.grid.groups
    drops = [masks.attention(1, group, heads) if probability else None for group in groups]
    joined = tensor(MEMBERS, batch.tokens, 3 * heads * size, dtype=torch.float32).requires_grad_()
    plain = joined.detach().clone().requires_grad_()
    found = attention(joined, batch.grid, drops)
    expected = torch.zeros(found.shape)
    for group, drop in zip(groups, drops, strict=True):
        for index, (member, place) in enumerate(zip(group.owners.tolist(), group.indices.tolist(), strict=True)):
            if place >= len(lengths[member]):
                continue
            start, length = sum(lengths[member][:place]), lengths[member][place]
            three = plain[member, start : start + length].view(length, 3, heads, size).permute(1, 2, 0, 3)
            shares = torch.softmax(three[0] @ three[1].transpose(1, 2) / math.sqrt(size), -1)
            if drop is not None:
                part = slice(index * heads, (index + 1) * heads)
                shares = shares * ((drop.bits[part] != 0) * drop.scale[part])[:, :length, :length]
            expected[member, start : start + length] = (shares @ three[2]).transpose(0, 1).flatten(1)
    torch.testing.assert_close(found, expected)
    incoming = (
        tensor(*found.shape, dtype=torch.float32)
        * (torch.arange(batch.tokens) < torch.tensor([[sum(rows)] for rows in lengths]))[..., None]
    )
    found.backward(incoming)
    expected.backward(incoming)
    torch.testing.assert_close(joined.grad, plain.grad, rtol=1e-4, atol=1e-6)
