"""An encoder's architecture as a stack computes it: names of parameters and order of operations, beyond the weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmbeddingNames:
    """Modules of the embeddings by their stock names. Rows are added in this order, then normalized and dropped."""

    words: str
    segments: str | None
    """None: the model takes no segment ids."""
    positions: str
    norm: str
    projection: str | None = None
    """Linear map from the embeddings' width to the layers'; None: they are equal."""
    first_position: int = 0
    """Row of the first token's position: RoBERTa's begin behind the padding's."""


@dataclass(frozen=True, slots=True)
class LayerNames:
    """Modules of one layer by their stock names; a LayerNorm stands behind each of its two residual sums."""

    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    intermediate: str
    output: str
    output_norm: str


@dataclass(frozen=True, slots=True)
class Head:
    """A classification head: the first token, a dense layer, its activation, dropout, and the classifier."""

    dense: str
    classifier: str
    activation: str = "tanh"
    """Key of :data:`seedproof.models.stacked.functions.ACTIVATIONS`."""
    drops_input: bool = False
    """Whether dropout also stands in front of the dense layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A model's computation, beyond its weights, as data. Models of equal architectures can share a stack.

    Layers are those of BERT (post-LayerNorm); families differ in what is data here.
    """

    embeddings: EmbeddingNames
    layers: tuple[LayerNames, ...]
    """Layers from the lowest; ALBERT's repeat the same names."""
    head: Head
    heads: int
    """Attention heads of each layer."""
    eps: float
    """Added to the variance in every LayerNorm."""
    activation: str
    """Key of :data:`seedproof.models.stacked.functions.ACTIVATIONS`."""
    drops_attention_output: bool = True
    """Whether dropout stands behind the attention's output matrix."""
    drops_output: bool = True
    """Whether dropout stands behind the feed-forward part's output matrix."""

    @property
    def sites(self) -> int:
        """Dropout sites, used or not: behind the embeddings, three in each layer, two in the head."""
        return 3 + 3 * len(self.layers)

    @property
    def has_tanh_pooler(self) -> bool:
        """Whether the dense layer of the head ends in a tanh, whose units saturate."""
        return self.head.activation == "tanh"
