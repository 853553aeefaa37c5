"""BERT (Devlin et al. 2019): segments, a pooler with tanh in front of the classifier."""

from __future__ import annotations

from typing import Any

from seedproof.models.stacked.architecture import Architecture, EmbeddingNames, Head, LayerNames


def architecture(config: Any) -> Architecture:
    """The architecture of ``BertForSequenceClassification``."""
    return Architecture(
        embeddings=embedding_names("bert"),
        layers=layer_names("bert", config.num_hidden_layers),
        head=Head("bert.pooler.dense", "classifier"),
        heads=config.num_attention_heads,
        eps=config.layer_norm_eps,
        activation=config.hidden_act,
    )


def embedding_names(prefix: str, *, projection: str | None = None, first_position: int = 0) -> EmbeddingNames:
    """Names of the embeddings in BERT and those that kept its modules."""
    stem = f"{prefix}.embeddings"
    return EmbeddingNames(
        words=f"{stem}.word_embeddings",
        segments=f"{stem}.token_type_embeddings",
        positions=f"{stem}.position_embeddings",
        norm=f"{stem}.LayerNorm",
        projection=projection,
        first_position=first_position,
    )


def layer_names(prefix: str, count: int) -> tuple[LayerNames, ...]:
    """Names of the layers in BERT and those that kept its modules."""

    def names(layer: str) -> LayerNames:
        return LayerNames(
            query=f"{layer}.attention.self.query",
            key=f"{layer}.attention.self.key",
            value=f"{layer}.attention.self.value",
            attention_output=f"{layer}.attention.output.dense",
            attention_norm=f"{layer}.attention.output.LayerNorm",
            intermediate=f"{layer}.intermediate.dense",
            output=f"{layer}.output.dense",
            output_norm=f"{layer}.output.LayerNorm",
        )

    return tuple(names(f"{prefix}.encoder.layer.{index}") for index in range(count))
