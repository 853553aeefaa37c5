"""A stack's logits and gradients are those of stock Transformers, for each family, member by member."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.fleets import FAMILIES, LIKE_ROBERTA, families, make_model, make_split, ragged

from seedproof.models.layers import locate
from seedproof.models.stacked.encoder import Pass
from seedproof.models.stacked.families import architecture_of
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.packing import TokenTable, pack
from seedproof.models.stacked.stack import Stack

VARIANTS = [
    *((family, {}) for family in FAMILIES),
    ("bert", {"hidden_act": "gelu_new", "num_attention_heads": 2, "layer_norm_eps": 1e-2}),
    ("bert", {"hidden_act": "tanh", "chunk_size_feed_forward": 1, "position_embedding_type": "relative_key"}),
    ("roberta", {"hidden_act": "gelu_new", "pad_token_id": 0}),
    ("albert", {"num_hidden_groups": 1, "hidden_act": "gelu"}),
    ("albert", {"num_hidden_groups": 3, "inner_group_num": 2, "layer_norm_eps": 1e-2}),
    ("albert", {"num_hidden_layers": 5, "num_hidden_groups": 2}),
    (
        "electra",
        {"embedding_size": 16, "summary_activation": "tanh", "summary_type": "last", "tie_word_embeddings": False},
    ),
    ("distilbert", {"sinusoidal_pos_embds": True, "activation": "relu", "n_heads": 2}),
]
variants = pytest.mark.parametrize(
    ("family", "settings"),
    [pytest.param(f, s, id=f"{f} {s}", marks=pytest.mark.slow if f in LIKE_ROBERTA[1:] else ()) for f, s in VARIANTS],
)


def run(family, settings, labels, has_segments, dtype=torch.float64):
    """Models, a batch of each, their stack and its pass; members differ in weights, lengths and batch size."""
    models = [make_model(family, seed, labels=labels, **settings).to(dtype).eval() for seed in range(3)]
    splits = [
        make_split(family, ragged(n, seed=n, longest=longest), n, labels) for n, longest in ((4, 14), (6, 5), (2, 9))
    ]
    batches = [split.batch(np.arange(len(split)), torch.device("cpu")) for split in splits]
    if not has_segments:
        for batch in batches:
            batch.pop("token_type_ids", None)
    if family in LIKE_ROBERTA:
        for batch in batches:  # they find positions by the padding id
            batch["input_ids"][batch["attention_mask"] == 0] = models[0].config.pad_token_id
    stack = Stack(Layout.of(models[0]), 3, dtype=dtype)
    for member, model in enumerate(models):
        stack.load(member, model.state_dict())
    tables = [TokenTable.of(s.ids, s.segments if has_segments else None, s.labels) for s in splits]
    architecture = architecture_of(models[0].config)
    packed = pack(tables, [np.arange(len(split)) for split in splits], architecture.heads)
    return models, batches, stack, Pass(architecture, stack, packed, dtype=dtype)


@variants
@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize("has_segments", [False, True])
def test_logits_and_gradients_are_those_of_transformers(family, settings, labels, has_segments):
    models, batches, stack, encoder = run(family, settings, labels, has_segments)
    logits, _ = encoder.logits()
    expected = [
        model(**{k: v for k, v in b.items() if k != "labels"}).logits for model, b in zip(models, batches, strict=True)
    ]
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours = theirs = 0
    for member, found in enumerate(expected):
        torch.testing.assert_close(logits[member, : len(found)], found, rtol=1e-9, atol=1e-10)
        ours = ours + (weights * logits)[member, : len(found)].sum()
        theirs = theirs + (weights[member, : len(found)] * found).sum()
    ours.backward()
    theirs.backward()
    for member, model in enumerate(models):
        gradients = stack.read(stack.gradients, member)
        for name, value in model.named_parameters():
            torch.testing.assert_close(gradients[name], value.grad, rtol=1e-8, atol=1e-9, msg=name)


@families
def test_the_pooler_is_seen_before_its_activation(family):
    models, batches, _, encoder = run(family, {}, 2, True)
    _, pooled = encoder.logits()
    linears = [name for name, module in models[0].named_modules() if isinstance(module, torch.nn.Linear)]
    [place] = [name for name in linears if locate(f"{name}.weight").kind == "pooler"]
    for member, (model, batch) in enumerate(zip(models, batches, strict=True)):
        seen = []
        model.get_submodule(place).register_forward_hook(lambda _m, _i, output, seen=seen: seen.append(output))
        model(**batch)
        torch.testing.assert_close(pooled[member, : len(seen[0])], seen[0].detach(), rtol=1e-9, atol=1e-10)


@families
def test_weights_of_a_stack_open_in_stock_transformers(family, tmp_path):
    """Saved from a member and loaded again by Transformers: the same logits."""
    _, batches, stack, encoder = run(family, {}, 2, True, torch.float32)
    with torch.no_grad():
        logits, _ = encoder.logits()
    model = make_model(family, 9)
    model.load_state_dict(stack.weights(1), strict=False)
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path).eval()
    found = loaded(**batches[1]).logits
    torch.testing.assert_close(found, logits[1, : len(found)], rtol=1e-4, atol=1e-5)
