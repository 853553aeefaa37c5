"""R-Drop: two passes with different dropout masks, and a penalty for what they disagree on.

Liang et al. 2021 (arXiv 2106.14448, equations 2 to 4): with the predicted distributions P1 and P2 of an example y in two passes,

    loss = -log P1(y) - log P2(y) + alpha / 2 (KL(P1 || P2) + KL(P2 || P1)),

the mean over the batch, each KL summed over the classes, in nats. alpha = 1 is their value for GLUE. For one output
(regression) squared errors stand for both parts: (z1 - y)^2 + (z2 - y)^2 + alpha (z1 - z2)^2. Where an example may have several
labels, each is a distribution over yes and no, and all parts are means over the labels.

The released codes differ from the paper and from each other: the one for fairseq, behind the published numbers, is this rule,
but leaves the second squared error out; the one for Transformers adds the KL summed over the batch, not its mean, to the mean
cross-entropies, with a quarter as its weight, whatever alpha is.

A step takes two passes and about twice the time. What is recorded as training loss is the mean of both cross-entropies, so
that it compares with other recipes'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seedproof.errors import UserError
from seedproof.fields import Positive
from seedproof.methods.base import LOSS, Forward, Method, Start, Treatment

if TYPE_CHECKING:
    from torch import Tensor

    from seedproof.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class RDrop(Method):
    """Agreement of two dropout masks (Liang et al. 2021; see the module for the rule)."""

    name: ClassVar[str] = "rdrop"
    description: ClassVar[str] = (
        "let two dropout masks agree on their predictions (Liang et al. 2021, arXiv 2106.14448)"
    )
    owns: ClassVar[frozenset[str]] = frozenset((LOSS,))
    order_matters: ClassVar[bool] = False

    alpha: Positive = 1.0
    """Weight of the disagreement; 1 for GLUE in Liang et al."""

    def check(self, recipe: Recipe) -> None:
        """Refuse a recipe without dropout, whose two passes are the same."""
        if recipe.required("dropout") == 0.0:
            raise UserError(
                f"rdrop compares two dropout masks, and recipe {recipe.name!r} has dropout = 0 for this model; set dropout=0.1, "
                "or leave rdrop out"
            )

    def start(self, start: Start) -> Treatment:  # noqa: ARG002
        """Take the loss over."""
        return _TwoPasses(self.alpha)


class _TwoPasses(Treatment):
    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def loss(self, batch: Mapping[str, Tensor], step: int, forward: Forward) -> Tensor:  # noqa: ARG002
        """Both losses and the disagreement, ()."""
        first, second = forward(batch), forward(batch)
        several = batch["labels"].ndim == 2
        total: Tensor = first.loss + second.loss + self._alpha * disagreement(first.logits, second.logits, several)
        return total


def disagreement(first: Tensor, second: Tensor, several: bool = False) -> Tensor:
    """Mean over a batch of (KL(P1 || P2) + KL(P2 || P1)) / 2 of two sets of logits (batch, labels), in nats, (); of the squared
    difference for one output, and where an example may have several labels the mean over these, too."""
    if first.shape[-1] == 1:
        return (first - second).float().square().mean()
    if several:
        first, second = first.float(), second.float()
        return ((first.sigmoid() - second.sigmoid()) * (first - second)).mean() / 2
    # Both at once: sum over classes of (P1 - P2) (log P1 - log P2).
    one, other = first.float().log_softmax(-1), second.float().log_softmax(-1)
    return ((one.exp() - other.exp()) * (one - other)).sum(-1).mean() / 2
