"""Masked-LM losses of a fine-tuned encoder whose top layers are put back to pre-trained, for many depths at once.

The lower, fine-tuned layers are applied once; where the hidden states of a depth come out of them, they join those that
go up through the pre-trained layers. Each pre-trained layer is thus applied once to all depths that contain it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.errors import UserError

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from transformers import PreTrainedModel

    from seedproof.measure.masking import MaskedBatch

CHUNK_TOKENS = 16_384
"""Tokens that go through a layer at once: bounds the memory of the feed-forward part."""


@dataclass(frozen=True, slots=True, order=True)
class Depth:
    """One model to measure."""

    layers_restored: int
    """k: the top k layers are pre-trained ones."""
    embeddings: str
    """``finetuned`` or ``pretrained``: the embeddings under the lowest layer."""


class RestoredLosses(Protocol):
    """The arithmetic of one batch; :class:`PlainRestoredLosses` is the oracle of any faster one."""

    def __call__(self, batch: MaskedBatch) -> Float[np.ndarray, " depths"]:
        """Summed loss over the batch's asked tokens in nats, per depth, float64 (depths,)."""


class LayeredEncoder:
    """An encoder of Transformers as embeddings and a list of layers; it is put into evaluation mode.

    In ALBERT a layer is one application of the shared layer (of its group). A projection from the embeddings' width to the
    layers' belongs to the embeddings (ALBERT, ELECTRA, RemBERT). That the parts compute what the whole does is for
    :func:`seedproof.measure.agreement.check_agreement` to say.

    Raises:
        UserError: the architecture is none of those this can take apart.
    """

    def __init__(self, base: PreTrainedModel) -> None:
        base.eval()
        encoder: Any = getattr(base, "encoder", None)
        self._embeddings: Any = getattr(base, "embeddings", None)
        if hasattr(encoder, "albert_layer_groups"):
            count = base.config.num_hidden_layers
            groups = encoder.albert_layer_groups
            self.layers: list[nn.Module] = [groups[index * len(groups) // count] for index in range(count)]
        elif isinstance(getattr(encoder, "layer", None), nn.ModuleList) and self._embeddings is not None:
            self.layers = list(encoder.layer)
        else:
            raise UserError(
                f"forgetting cannot take a model of type {base.config.model_type!r} apart into embeddings and layers; "
                "it can for BERT, RoBERTa and ALBERT and those built like them"
            )
        self._projection = getattr(encoder, "embedding_hidden_mapping_in", getattr(base, "embeddings_project", None))

    def embed(self, input_ids: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """What enters the lowest layer, (batch, length, width); all tokens are in the first segment."""
        hidden: Tensor = self._embeddings(input_ids=input_ids)
        return hidden if self._projection is None else self._projection(hidden)

    def apply(
        self, layer: int, hidden: Float[Tensor, "batch length width"], mask: Tensor | None
    ) -> Float[Tensor, "batch length width"]:
        """Put hidden states (batch, length, width) through layer ``layer``, 0 the lowest."""
        output = self.layers[layer](hidden, attention_mask=mask)
        result: Tensor = output[0] if isinstance(output, tuple) else output
        return result


class PlainRestoredLosses:
    """Losses by the modules of Transformers.

    Args:
        finetuned: the fine-tuned encoder.
        pretrained: the pre-trained one.
        head: the pre-trained masked-LM head with its decoder, from hidden states (tokens, width) to logits.
        depths: the models to measure.
        device: where the modules are.
    """

    def __init__(
        self,
        finetuned: LayeredEncoder,
        pretrained: LayeredEncoder,
        head: Callable[[Tensor], Tensor],
        depths: Sequence[Depth],
        device: str = "cpu",
    ) -> None:
        self._finetuned, self._pretrained, self._head = finetuned, pretrained, head
        self._depths, self._device = list(depths), device

    @torch.no_grad()
    def __call__(self, batch: MaskedBatch) -> Float[np.ndarray, " depths"]:
        """Summed loss over the batch's asked tokens in nats, per depth, float64 (depths,)."""
        asked, targets = batch.asked.to(self._device), batch.targets.to(self._device)
        hidden = self._top_hidden_states(batch.input_ids.to(self._device), additive(batch, self._device))
        sums = []
        for depth in self._depths:
            logits = self._head(hidden[depth][asked]).float()
            losses = nn.functional.cross_entropy(logits, targets, reduction="none")
            sums.append(float(losses.double().sum()))
        return np.array(sums)

    def _top_hidden_states(self, ids: Tensor, mask: Tensor | None) -> dict[Depth, Tensor]:
        """What comes out of the top layer of each model, (batch, length, width)."""
        count = len(self._finetuned.layers)
        below = {
            name: encoder.embed(ids)
            for name, encoder in (("finetuned", self._finetuned), ("pretrained", self._pretrained))
        }
        rising: dict[Depth, Tensor] = {}
        for layer in range(count + 1):
            for depth in self._depths:
                if depth.layers_restored == count - layer:
                    rising[depth] = below[depth.embeddings]
            if layer == count:
                break
            rising = self._through_pretrained(layer, rising, mask)
            needed = {d.embeddings for d in self._depths if d.layers_restored < count - layer}
            below = {name: self._finetuned.apply(layer, below[name], mask) for name in sorted(needed)}
        return rising

    def _through_pretrained(self, layer: int, rising: dict[Depth, Tensor], mask: Tensor | None) -> dict[Depth, Tensor]:
        if not rising:
            return rising
        first = next(iter(rising.values()))
        at_once = max(1, CHUNK_TOKENS // (first.shape[0] * first.shape[1]))
        depths = list(rising)
        results: dict[Depth, Tensor] = {}
        for start in range(0, len(depths), at_once):
            part = depths[start : start + at_once]
            stacked = torch.cat([rising[depth] for depth in part])
            masks = None if mask is None else mask.repeat(len(part), 1, 1, 1)
            risen = self._pretrained.apply(layer, stacked, masks)
            results |= dict(zip(part, torch.split(risen, first.shape[0]), strict=True))
        return results


def additive(batch: MaskedBatch, device: str) -> Tensor | None:
    """The padding as an additive mask (batch, 1, 1, length), which every attention that takes masks understands."""
    if bool(batch.attention_mask.all()):
        return None
    padding = (1 - batch.attention_mask[:, None, None, :]).float()
    return (padding * torch.finfo(torch.float32).min).to(device)
