"""What the arithmetic of a stack needs to know of a model beyond its weights, read from its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PretrainedConfig

FAMILIES = ("bert", "roberta", "albert")
_ACTIVATIONS = {"gelu": "none", "gelu_new": "tanh"}


@dataclass(frozen=True, slots=True)
class LayerNames:
    """Modules of one layer by their stock names."""

    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    intermediate: str
    output: str
    output_norm: str


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the arithmetic needs to know of a model beyond its weights."""

    family: str
    layers: tuple[LayerNames, ...]
    """From the lowest; ALBERT's repeat the same names."""
    heads: int
    width: int
    eps: float
    approximation: str
    """Of GELU: ``none`` or ``tanh``."""
    first_position: int
    """RoBERTa's positions begin behind its padding index."""

    @classmethod
    def of(cls, config: PretrainedConfig) -> Architecture | None:
        """The architecture of a sequence classification model with this configuration; None: the stack does not know it."""
        family = config.model_type
        if family not in FAMILIES or config.hidden_act not in _ACTIVATIONS or getattr(config, "is_decoder", False):
            return None
        if config.problem_type == "multi_label_classification":
            return None
        if family == "albert" and config.num_hidden_groups > config.num_hidden_layers:
            return None  # some layers are never used: they have no gradient
        names = _albert_layers(config) if family == "albert" else _bert_layers(family, config.num_hidden_layers)
        return cls(
            family=family,
            layers=names,
            heads=config.num_attention_heads,
            width=config.hidden_size,
            eps=config.layer_norm_eps,
            approximation=_ACTIVATIONS[config.hidden_act],
            first_position=config.pad_token_id + 1 if family == "roberta" else 0,
        )

    @property
    def sites(self) -> int:
        """Places where dropout is drawn: behind the embeddings, three in each layer, two in the head."""
        return 3 + 3 * len(self.layers)


def _bert_layers(family: str, count: int) -> tuple[LayerNames, ...]:
    def names(layer: str) -> LayerNames:
        own = f"{layer}.attention.self"
        return LayerNames(
            f"{own}.query",
            f"{own}.key",
            f"{own}.value",
            f"{layer}.attention.output.dense",
            f"{layer}.attention.output.LayerNorm",
            f"{layer}.intermediate.dense",
            f"{layer}.output.dense",
            f"{layer}.output.LayerNorm",
        )

    return tuple(names(f"{family}.encoder.layer.{index}") for index in range(count))


def _albert_layers(config: Any) -> tuple[LayerNames, ...]:
    def names(layer: str) -> LayerNames:
        own = f"{layer}.attention"
        return LayerNames(
            f"{own}.query",
            f"{own}.key",
            f"{own}.value",
            f"{own}.dense",
            f"{own}.LayerNorm",
            f"{layer}.ffn",
            f"{layer}.ffn_output",
            f"{layer}.full_layer_layer_norm",
        )

    per_group = config.num_hidden_layers / config.num_hidden_groups
    return tuple(
        names(f"albert.encoder.albert_layer_groups.{int(index / per_group)}.albert_layers.{inner}")
        for index in range(config.num_hidden_layers)
        for inner in range(config.inner_group_num)
    )
