"""DistilBERT (Sanh et al. 2019): no segments, no dropout behind the attention's output, a head with ReLU.

Sinusoidal positions are initial values: Transformers trains their table like any other.
"""

from __future__ import annotations

from typing import Any

from seedproof.models.stacked.architecture import Architecture, EmbeddingNames, Head, LayerNames


def architecture(config: Any) -> Architecture:
    """The architecture of ``DistilBertForSequenceClassification``."""
    stem = "distilbert.embeddings"
    return Architecture(
        embeddings=EmbeddingNames(
            words=f"{stem}.word_embeddings",
            segments=None,
            positions=f"{stem}.position_embeddings",
            norm=f"{stem}.LayerNorm",
        ),
        layers=tuple(_layer_names(f"distilbert.transformer.layer.{index}") for index in range(config.n_layers)),
        head=Head("pre_classifier", "classifier", activation="relu"),
        heads=config.n_heads,
        eps=1e-12,
        activation=config.activation,
        drops_attention_output=False,
    )


def _layer_names(layer: str) -> LayerNames:
    return LayerNames(
        query=f"{layer}.attention.q_lin",
        key=f"{layer}.attention.k_lin",
        value=f"{layer}.attention.v_lin",
        attention_output=f"{layer}.attention.out_lin",
        attention_norm=f"{layer}.sa_layer_norm",
        intermediate=f"{layer}.ffn.lin1",
        output=f"{layer}.ffn.lin2",
        output_norm=f"{layer}.output_layer_norm",
    )
