"""A model whose parts do not compute what it does is refused, never measured as another model."""

from __future__ import annotations

import pytest
from tests.families import _measured
from tests.measure.made import TEXTS

from seedproof.errors import UserError
from seedproof.measure.agreement import check_agreement
from seedproof.measure.forgetting import load_masked_lm
from seedproof.measure.masking import Masking, mask_text
from seedproof.measure.restored import LayeredEncoder
from seedproof.models.loading import load_tokenizer
from seedproof.models.source import find_model


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("electra", "yes"),  # two modules behind the encoder
        ("rembert", "yes"),  # a projection inside of it
        ("mobilebert", "yes"),
        ("deberta-v2", "–"),  # relative positions beside the hidden states
        ("mpnet", "–"),  # without PyTorch's attention
        ("roberta-prelayernorm", "–"),  # a norm behind the last layer
        ("big_bird", "–"),  # another attention in a whole pass
    ],
)
def test_a_family_is_measured_as_it_is_or_refused(family, expected):
    assert _measured(family) == expected


def test_one_layer_that_is_left_out_is_seen(pretrained):
    """A batch with padding goes both ways."""
    source = find_model(str(pretrained["bert"]))
    model, head = load_masked_lm(source)
    encoder = LayeredEncoder(model.base_model)
    batch = mask_text(TEXTS, load_tokenizer(source), Masking(mlm_probability=0.5), 64).unlike()
    assert not batch.attention_mask.all()
    check_agreement(model, encoder, head, batch, "cpu")
    encoder.layers.pop()
    with pytest.raises(
        UserError, match=r"model of type 'bert': .* do not compute what the model does; .* \(logits differ by"
    ):
        check_agreement(model, encoder, head, batch, "cpu")
