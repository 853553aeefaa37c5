"""Dropout is set wherever a model drops, and 0 leaves none."""

from __future__ import annotations

import pytest
import torch
from tests.families import tiny_configuration
from transformers import AutoModelForSequenceClassification

from seedproof.models.dropout import dropouts, set_all, set_in_modules, set_named


def model_with(family, p, how):
    config = tiny_configuration(family)
    how(config, p)
    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(config)


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("family", ["bert", "xlnet", "xlm", "t5", "gpt2", "modernbert", "bart", "seed_oss", "mpt"])
def test_every_place_is_set(family, p):
    model = model_with(family, p, set_all)
    set_in_modules(model, p)
    found = dropouts(model)
    assert len(found) > 2
    assert set(found.values()) == {p}


@pytest.mark.parametrize(
    ("family", "left"),
    [
        ("bert", set()),
        ("albert", set()),
        ("xlnet", {"sequence_summary.last_dropout", "config.summary_last_dropout"}),
        (
            "seed_oss",
            {f"model.layers.{n}.{part}.residual_dropout" for n in (0, 1) for part in ("self_attn", "mlp")}
            | {"config.residual_dropout"},
        ),
    ],
)
def test_what_the_names_that_were_known_first_leave(family, left):
    found = dropouts(model_with(family, 0.3, set_named))
    assert {place for place, p in found.items() if p != 0.3} == left


def test_layers_and_tokens_that_are_dropped_are_something_else():
    model = model_with("bart", 0.3, set_all)
    set_in_modules(model, 0.3)
    assert model.config.encoder_layerdrop == model.config.decoder_layerdrop == 0.0
