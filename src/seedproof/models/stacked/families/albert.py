"""ALBERT (Lan et al. 2020): narrow embeddings, layers that share their parameters in groups."""

from __future__ import annotations

from typing import Any

from seedproof.models.stacked.architecture import Architecture, Head, LayerNames
from seedproof.models.stacked.families.bert import embedding_names


def architecture(config: Any) -> Architecture | None:
    """The architecture of ``AlbertForSequenceClassification``; None where a group of layers is never used."""
    if config.num_hidden_groups > config.num_hidden_layers:
        return None  # it has no gradient
    return Architecture(
        embeddings=embedding_names("albert", projection="albert.encoder.embedding_hidden_mapping_in"),
        layers=_layer_names(config),
        head=Head("albert.pooler", "classifier"),
        heads=config.num_attention_heads,
        eps=config.layer_norm_eps,
        activation=config.hidden_act,
        drops_output=False,
    )


def _layer_names(config: Any) -> tuple[LayerNames, ...]:
    def names(layer: str) -> LayerNames:
        return LayerNames(
            query=f"{layer}.attention.query",
            key=f"{layer}.attention.key",
            value=f"{layer}.attention.value",
            attention_output=f"{layer}.attention.dense",
            attention_norm=f"{layer}.attention.LayerNorm",
            intermediate=f"{layer}.ffn",
            output=f"{layer}.ffn_output",
            output_norm=f"{layer}.full_layer_layer_norm",
        )

    per_group = config.num_hidden_layers / config.num_hidden_groups
    return tuple(
        names(f"albert.encoder.albert_layer_groups.{int(index / per_group)}.albert_layers.{inner}")
        for index in range(config.num_hidden_layers)
        for inner in range(config.inner_group_num)
    )
