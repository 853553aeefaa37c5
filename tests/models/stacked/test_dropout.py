"""Dropout is where stock Transformers has it, in every family: the same masks there give the same logits and gradients.

The stock model calls dropout in the order of the sites; each call is given the stack's mask, spread over its padding.
"""

from __future__ import annotations

import numpy as np
import torch
from tests.fleets import families, make_model, make_split

from seedproof.models.stacked.encoder import Pass
from seedproof.models.stacked.families import architecture_of
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.masks import DropProbability, Masks, site_keys
from seedproof.models.stacked.packing import Group, TokenTable, pack
from seedproof.models.stacked.stack import Stack

LENGTHS = [5, 1, 14, 8]


# In the order in which a stock model drops: attention, its output, the layer's output; in front of the head's two matrices.
LAYER_SITES = {"albert": (0, 1), "distilbert": (0, 2)}
HEAD_SITES = {"bert": (1,), "albert": (1,), "distilbert": (1,)}


def sites_of(family, layers):
    inner = [1 + 3 * layer + part for layer in range(layers) for part in LAYER_SITES.get(family, (0, 1, 2))]
    return [0, *inner, *(3 * layers + 1 + part for part in HEAD_SITES.get(family, (0, 1)))]


def stock_dropout(masks, sites, heads, layers):
    """In place of ``torch.nn.functional.dropout``."""
    order = iter(sites)

    def factor(drop):
        return (drop.bits != 0) * drop.scale

    def dropout(x, p=0.5, training=True, inplace=False):
        assert (p, training) == (0.3, True)
        site = next(order)
        if x.ndim == 2:
            return x * factor(masks.tokens(site, *x.shape))[0]
        if (
            x.ndim == 3 and site > 3 * layers - 2
        ):  # behind the last attention only first tokens go on, a row of examples
            return torch.cat([(x[:, 0] * factor(masks.tokens(site, len(x), x.shape[2]))[0])[:, None], x[:, 1:]], 1)
        if x.ndim == 3:
            packed = factor(masks.tokens(site, sum(LENGTHS), x.shape[2]))[0].split(LENGTHS)
            return x * torch.nn.utils.rnn.pad_sequence(packed, batch_first=True)
        bias = torch.zeros(heads, 1, x.shape[3])
        groups = [Group(torch.tensor([0]), torch.tensor([place]), bias, x.shape[3]) for place in range(len(x))]
        return x * torch.stack([factor(masks.attention(site, group, heads)) for group in groups])

    return dropout, order


@families
def test_dropout_is_where_transformers_has_it(family, monkeypatch):
    model = make_model(family, 1, dropout=0.3, attn_implementation="eager").train()
    split = make_split(family, LENGTHS, 1)
    architecture = architecture_of(model.config)
    stack = Stack(Layout.of(model), 1)
    stack.load(0, model.state_dict())
    keys = site_keys(np.array([5], np.uint64), np.arange(architecture.sites))
    masks = Masks(torch.from_numpy(keys), DropProbability.of(np.array([0.3]), torch.device("cpu")))
    batch = pack([TokenTable.of(split.ids, split.segments, split.labels)], [np.arange(4)], architecture.heads)
    [logits], _ = Pass(architecture, stack, batch, masks).logits()
    dropout, order = stock_dropout(masks, sites_of(family, 3), architecture.heads, 3)
    padded = split.batch(np.arange(4), torch.device("cpu"))
    del padded["labels"]
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "dropout", dropout)
        expected = model(**padded).logits
    assert list(order) == []
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits, model.eval()(**padded).logits, rtol=0.01)
    logits[:, 0].square().sum().backward()
    expected[:, 0].square().sum().backward()
    gradients = stack.read(stack.gradients, 0)
    total = torch.stack([value.grad.norm() for value in model.parameters()]).norm()
    for name, value in model.named_parameters():
        assert (gradients[name] - value.grad).norm() < 1e-5 * total, name
