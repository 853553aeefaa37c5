"""The losses that engines compute themselves; Transformers' models compute the others, by their ``problem_type``.

Cross-entropy of a class, squared error of a target, or of several labels the mean over them of each one's binary
cross-entropy. Weights are PyTorch's: of classes, each example counts by the weight of its class, and the mean is over the sum
of these weights (``cross_entropy(weight=)``); of several labels, each example that has a label counts by the label's weight
(``binary_cross_entropy_with_logits(pos_weight=)``), and the mean stays one over examples and labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

if TYPE_CHECKING:
    from jaxtyping import Float, Num


def weighted_loss(
    logits: Float[Tensor, "batch outputs"], labels: Num[Tensor, " batch *labels"], weights: Float[Tensor, " outputs"]
) -> Float[Tensor, ""]:
    """The weighted loss of a batch.

    Args:
        logits: of any precision.
        labels: int64 classes (batch,), or floats 0 and 1 (batch, outputs).
        weights: of the classes or labels.
    """
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    weights = weights.to(precise)
    if labels.ndim == 2:
        return binary_cross_entropy_with_logits(precise, labels.to(precise), pos_weight=weights)
    return cross_entropy(precise, labels, weight=weights)


def member_losses(
    logits: Float[Tensor, "members batch outputs"],
    labels: Num[Tensor, "members batch *labels"],
    is_example: Float[Tensor, "members batch"],
    weights: Float[Tensor, "members outputs"] | None = None,
) -> Float[Tensor, " members"]:
    """Mean loss of each member of a fleet over its examples.

    Args:
        logits: of all members.
        labels: int64 classes, float targets, or 0 and 1 of several labels.
        is_example: 1, or 0 where a member has fewer examples.
        weights: of each member's classes or labels, 1 without any; None: no member has any.
    """
    counted = is_example
    if labels.ndim == 3:
        positive = None if weights is None else weights[:, None]
        each = binary_cross_entropy_with_logits(
            logits, labels.to(logits.dtype), reduction="none", pos_weight=positive
        ).mean(-1)
    elif logits.shape[-1] == 1:
        each = (logits.squeeze(-1) - labels).square()
    else:
        each = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
        if weights is not None:
            of_examples = weights.gather(1, labels)
            each, counted = each * of_examples, is_example * of_examples
    # Not a product with 0: a padded example of a member whose weights are not finite must not be counted either way.
    return torch.where(is_example > 0, each, 0.0).sum(1) / counted.sum(1)
