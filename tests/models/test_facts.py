"""Facts about models: read from the modules that are there, whatever configuration and tokenizer say."""

from __future__ import annotations

import pytest
import torch
from tests.families import tiny_configuration
from transformers import AutoModelForSequenceClassification

from seedproof.models import facts


def skeleton(family, **settings):
    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(tiny_configuration(family, **settings))


@pytest.mark.parametrize(
    ("family", "settings", "limit"),
    [
        ("bert", {}, 128),
        ("roberta", {"pad_token_id": 1}, 126),  # fairseq: behind the padding's place
        ("mpnet", {"pad_token_id": 0}, 126),  # its padding is at 1 whatever the configuration says
        ("bart", {}, 128),
        ("nystromformer", {}, 128),
        ("gpt2", {}, 128),
        ("deberta-v2", {"relative_attention": True, "pos_att_type": ["c2p"], "position_biased_input": True}, 128),
        ("deberta-v2", {"relative_attention": True, "pos_att_type": ["c2p"], "position_biased_input": False}, None),
        pytest.param("nomic_bert", {}, None, marks=pytest.mark.newest),
        ("modernbert", {}, None),
        ("xlnet", {}, None),
        ("t5", {}, None),
    ],
)
def test_positions_are_those_of_the_table_that_there_is(family, settings, limit):
    assert facts.positions(skeleton(family, **settings)) == limit


@pytest.mark.parametrize(
    ("family", "settings", "count"),
    [
        ("bert", {}, 2),
        ("roberta", {"type_vocab_size": 1}, 1),
        ("albert", {}, 2),
        ("xlnet", {}, 2),  # no table: it asks whether two tokens are of one segment
        ("deberta-v2", {"type_vocab_size": 0}, 0),
        ("deberta-v2", {"type_vocab_size": 2}, 2),
        ("xlm", {}, 0),  # looks them up among its words
        ("gpt2", {}, 0),
        ("modernbert", {}, 0),
    ],
)
def test_segments_are_those_of_the_model(family, settings, count):
    assert facts.segments(skeleton(family, **settings)) == count
