"""Biases and norms of every kind do not decay; the models of which that was so before have the groups that they had."""

from __future__ import annotations

import re

import pytest
import torch
from tests.families import FAMILIES, LIMITATIONS, tiny_configuration
from torch import nn
from transformers import AutoModelForSequenceClassification
from transformers.trainer_pt_utils import get_parameter_names

from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.decay import without_decay

TRAINER = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
"""Names that Transformers' Trainer leaves alone (``get_decay_parameter_names``, 5.4 to 5.24)."""
MISLED = {
    "roberta-prelayernorm": r".",  # the model's own name has "layernorm" in it
    "axk2": r"layernorm\.mlp\.",  # matrices inside of a norm
}
"""What the Trainer's patterns hit beside norms and biases."""
DIFFERENT = ["eurobert", "mobilebert", "mpnet", "llama", "gemma3_text", "qwen3_next", "nemotron", "t5"]
ALIKE = ["bert", "albert", "roberta", "distilbert", "electra", "deberta-v2", "modernbert", "xlnet", "gpt2"]


def without_weights(family):
    with quiet_transformers(), torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(tiny_configuration(family))


def check_like_the_trainer(family):
    model = without_weights(family)
    decays = set(get_parameter_names(model, [nn.LayerNorm], TRAINER))
    theirs, ours = {name for name, _ in model.named_parameters()} - decays, without_decay(model, "norms")
    misled = re.compile(MISLED[family]) if family in MISLED else None
    assert ours <= theirs, family
    assert all(misled and misled.search(name) for name in theirs - ours), family


@pytest.mark.parametrize("family", DIFFERENT)
def test_other_norms_do_not_decay_either(family):
    model = without_weights(family)
    assert without_decay(model) < without_decay(model, "norms")
    check_like_the_trainer(family)


@pytest.mark.parametrize("family", ALIKE)
def test_where_all_norms_are_layer_norms_nothing_has_changed(family):
    """So the ids of their runs stay; a fleet, which knows of no difference, trains only such."""
    model = without_weights(family)
    assert without_decay(model) == without_decay(model, "norms")


@pytest.mark.slow
def test_every_family_is_as_with_the_trainer():
    for family in sorted(set(FAMILIES) - set(LIMITATIONS) - {"layoutlmv2"}):
        check_like_the_trainer(family)
