"""ELECTRA (Clark et al. 2020): BERT's layers, narrow embeddings in the small models, a head with GELU and no pooler.

The head's activation is GELU whatever ``summary_activation`` says: Transformers reads that for multiple choice alone.
"""

from __future__ import annotations

from typing import Any

from seedproof.models.stacked.architecture import Architecture, Head
from seedproof.models.stacked.families.bert import embedding_names, layer_names


def architecture(config: Any) -> Architecture:
    """The architecture of ``ElectraForSequenceClassification``."""
    is_narrow = config.embedding_size != config.hidden_size
    return Architecture(
        embeddings=embedding_names("electra", projection="electra.embeddings_project" if is_narrow else None),
        layers=layer_names("electra", config.num_hidden_layers),
        head=Head("classifier.dense", "classifier.out_proj", activation="gelu", drops_input=True),
        heads=config.num_attention_heads,
        eps=config.layer_norm_eps,
        activation=config.hidden_act,
    )
