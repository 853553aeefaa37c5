"""Whether a masked-LM model that is taken apart into embeddings, layers and head still computes what the whole model does.

Many models are built like BERT but for one thing between their layers (relative positions, a last norm, a projection), which
no name tells. So one batch goes both ways, and a measurement that would be of another model is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seedproof.errors import UserError, is_out_of_memory
from seedproof.measure.restored import LayeredEncoder, additive

if TYPE_CHECKING:
    from jaxtyping import Float
    from transformers import PreTrainedModel

    from seedproof.measure.masking import MaskedBatch

TOLERANCE = 1e-3
"""Greatest difference of a logit, as a fraction of the largest logit: far above rounding in fp32, and far below what a norm or
a position that is left out makes of it."""


@torch.no_grad()
def check_agreement(
    model: PreTrainedModel, encoder: LayeredEncoder, head: Callable[[Tensor], Tensor], batch: MaskedBatch, device: str
) -> None:
    """Refuse a model whose parts do not compute what it does.

    Args:
        model: with its masked-LM head, in evaluation mode.
        encoder: that of the model, taken apart.
        head: from hidden states (tokens, width) to logits (tokens, vocabulary).
        batch: what both are given; one with padding, where the text has sequences of several lengths.
        device: where the model is.

    Raises:
        UserError: the parts cannot be put together, or give other logits.
    """
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    try:
        # First, because a whole pass may change what the parts do after it: BigBird goes over to full attention in one.
        parts = _through_parts(encoder, head, batch, device)
        whole = model(input_ids=ids, attention_mask=mask).logits[mask.bool()].float()
        difference = float((parts - whole).abs().max() / whole.abs().max())
    except Exception as error:  # each architecture wants something else of its layers
        if is_out_of_memory(error):
            raise
        raise UserError(f"{_refusal(model)} ({type(error).__name__}: {error})") from error
    if not difference <= TOLERANCE:
        raise UserError(f"{_refusal(model)} (logits differ by {difference:.1g} of the largest)")


def _through_parts(
    encoder: LayeredEncoder, head: Callable[[Tensor], Tensor], batch: MaskedBatch, device: str
) -> Float[Tensor, "tokens vocabulary"]:
    mask, hidden = additive(batch, device), encoder.embed(batch.input_ids.to(device))
    for layer in range(len(encoder.layers)):
        hidden = encoder.apply(layer, hidden, mask)
    return head(hidden[batch.attention_mask.to(device).bool()]).float()


def _refusal(model: PreTrainedModel) -> str:
    return (
        f"forgetting cannot be measured with a model of type {model.config.model_type!r}: embeddings, layers and head one by one "
        "do not compute what the model does; docs/models.md lists the families that it can be measured with"
    )
