"""RoBERTa (Liu et al. 2019): positions begin behind the padding's, the dense layer with tanh is inside the head."""

from __future__ import annotations

from typing import Any

from seedproof.models.stacked.architecture import Architecture, Head
from seedproof.models.stacked.families.bert import embedding_names, layer_names


def architecture(config: Any) -> Architecture | None:
    """The architecture of ``RobertaForSequenceClassification``; None without a padding id, by which it finds positions."""
    if config.pad_token_id is None:
        return None
    return Architecture(
        embeddings=embedding_names("roberta", first_position=config.pad_token_id + 1),
        layers=layer_names("roberta", config.num_hidden_layers),
        head=Head("classifier.dense", "classifier.out_proj", drops_input=True),
        heads=config.num_attention_heads,
        eps=config.layer_norm_eps,
        activation=config.hidden_act,
    )
