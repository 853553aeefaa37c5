"""Groups of the plain engine's optimizer."""

from __future__ import annotations

import pytest
from transformers import AlbertConfig, AutoModelForSequenceClassification, BertConfig, DistilBertConfig

from seedproof.training.groups import parameter_groups

SIZES = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 16,
}
CONFIGS = [
    BertConfig(**SIZES),
    AlbertConfig(**SIZES, embedding_size=4),
    DistilBertConfig(vocab_size=20, dim=8, n_layers=2, n_heads=2, hidden_dim=8),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_biases_and_layer_norms_do_not_decay_and_frozen_parameters_have_no_group(config):
    """Every trained parameter is in one group; decayed are exactly matrices: linear weights and embeddings."""
    model = AutoModelForSequenceClassification.from_config(config)
    frozen = next(iter(model.parameters()))
    frozen.requires_grad_(False)
    decayed, plain = parameter_groups(model, 0.3, {}, ())
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    assert all(parameter.dim() == 2 for parameter in decayed["params"])
    assert all(parameter.dim() == 1 for parameter in plain["params"])
    grouped = [id(parameter) for group in (decayed, plain) for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters() if parameter is not frozen)


def test_each_factor_on_the_rate_has_groups_of_its_own_and_what_a_method_froze_stays_in_one():
    model = AutoModelForSequenceClassification.from_config(CONFIGS[0])
    head = model.classifier
    head.requires_grad_(False)
    factors = {"classifier.weight": 0.5, "classifier.bias": 0.5}
    groups = parameter_groups(model, 0.3, factors, {id(head.weight), id(head.bias)})
    assert [(group["factor"], group["weight_decay"]) for group in groups] == [
        (1.0, 0.3),
        (0.5, 0.3),
        (1.0, 0.0),
        (0.5, 0.0),
    ]
    assert [group["params"] for group in groups if group["factor"] == 0.5] == [[head.weight], [head.bias]]
