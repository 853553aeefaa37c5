"""The encoder of a stack over packed tokens, all members at once, in any of the families of :mod:`.families`.

The arithmetic is that of Transformers' ``...ForSequenceClassification`` (tests hold every loss, gradient and updated
weight against it), with parameters looked up by their stock names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from seedproof.models.stacked.architecture import Architecture, LayerNames
from seedproof.models.stacked.functions import ACTIVATIONS, Mix, attention, dropped, layer_norm, linear, lookup
from seedproof.models.stacked.packing import Packed
from seedproof.models.stacked.stack import Stack

if TYPE_CHECKING:
    from jaxtyping import Float

    from seedproof.models.stacked.masks import Drop, Masks


class Mixes(Protocol):
    """Mixtures of matrices with constants in one step of a stack."""

    def of(self, names: tuple[str, ...], use: int) -> Mix | None:
        """Mixture of the matrices of these modules at their ``use``-th use in a pass (ALBERT uses its layer often); None
        where no member mixes them."""


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass through the encoders of a stack."""

    architecture: Architecture
    stack: Stack
    batch: Packed
    masks: Masks | None = None
    """Dropout masks; None: every probability is 0."""
    mixes: Mixes | None = None
    """Mixtures of the matrices with constants; None: nothing is mixed."""
    dtype: torch.dtype = torch.float32
    """Precision of the matmuls; bf16 computes as autocast does, over fp32 weights."""

    def logits(self) -> tuple[Float[Tensor, "members batch labels"], Float[Tensor, "members batch width"]]:
        """Logits in the weights' dtype, and what goes into the activation of the head's dense layer."""
        hidden, layers = self._embeddings(), self.architecture.layers
        for use, names in enumerate(layers):
            hidden = self._layer(hidden, names, use, is_last=use == len(layers) - 1)
        return self._head(hidden)

    def _first(self, x: Float[Tensor, "members tokens width"]) -> Float[Tensor, "members batch width"]:
        """First token of each example."""
        rows = x.reshape(-1, x.shape[-1]).index_select(0, self.batch.first_slots)
        return rows.view(self.batch.members, self.batch.batch_size, -1)

    def _linear(self, x: Tensor, *names: str, use: int = 0) -> Tensor:
        weight = self.stack.slot(*[f"{name}.weight" for name in names])
        bias = self.stack.slot(*[f"{name}.bias" for name in names])
        mix = None if self.mixes is None else self.mixes.of(names, use)
        return linear(x, weight, bias, mix=mix, dtype=self.dtype)

    def _layer_norm(self, residual: Tensor, name: str, x: Tensor | None = None, drop: Drop | None = None) -> Tensor:
        weight, bias = self.stack.slot(f"{name}.weight"), self.stack.slot(f"{name}.bias")
        return layer_norm(residual, weight, bias, self.architecture.eps, x=x, drop=drop)

    def _drop(self, site: int, x: Tensor) -> Drop | None:
        return None if self.masks is None else self.masks.tokens(site, x.shape[1], x.shape[2])

    def _embeddings(self) -> Tensor:
        names, batch = self.architecture.embeddings, self.batch

        def rows(name: str, index: Tensor) -> Tensor:
            table = self.stack.slot(f"{name}.weight")
            return lookup(table, batch.owners * table.value.shape[1] + index)

        total = rows(names.words, batch.ids)
        if names.segments is not None:
            total = total + rows(
                names.segments, torch.zeros_like(batch.ids) if batch.segments is None else batch.segments
            )
        total = total + rows(names.positions, batch.positions + names.first_position)
        hidden = self._layer_norm(total.view(batch.members, batch.tokens, -1), names.norm)
        hidden = dropped(hidden, self._drop(0, hidden))
        return hidden if names.projection is None else self._linear(hidden, names.projection)

    def _layer(self, x: Tensor, names: LayerNames, use: int, is_last: bool) -> Tensor:
        architecture, site, masks, grid = self.architecture, 1 + 3 * use, self.masks, self.batch.grid
        joined = self._linear(x, names.query, names.key, names.value, use=use)
        drops = [None if masks is None else masks.attention(site, group, grid.heads) for group in grid.groups]
        attended = attention(joined, grid, drops)
        # The head sees first tokens alone: behind the last attention nothing else has an effect or a gradient.
        if is_last:
            x, attended = self._first(x), self._first(attended)
        attended = self._linear(attended, names.attention_output, use=use)
        drop = self._drop(site + 1, attended) if architecture.drops_attention_output else None
        x = self._layer_norm(x, names.attention_norm, attended, drop)
        inner = ACTIVATIONS[architecture.activation](self._linear(x, names.intermediate, use=use))
        output = self._linear(inner, names.output, use=use)
        drop = self._drop(site + 2, output) if architecture.drops_output else None
        return self._layer_norm(x, names.output_norm, output, drop)

    def _head(self, first: Tensor) -> tuple[Tensor, Tensor]:
        head, site = self.architecture.head, self.architecture.sites - 2
        if head.drops_input:
            first = dropped(first, self._drop(site, first))
        dense = self._linear(first, head.dense)
        hidden = ACTIVATIONS[head.activation](dense)
        logits = self._linear(dropped(hidden, self._drop(site + 1, hidden)), head.classifier)
        return logits.to(self.stack.dtype), dense.detach()
