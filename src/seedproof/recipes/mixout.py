"""Mixout (Lee, Cho and Kang 2020, arXiv 1909.11299) in place of dropout: weights mixed with the pre-trained ones.

The probability behind the published comparison is not known: the authors' example has .9, two later replications .1.
Each of the two variants here has one of them, fixed beforehand. Which layers ``mixout`` mixes follows the flow of data
and could not be checked against the authors' configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from seedproof.fields import Share
from seedproof.recipes.base import Recipe

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class MixoutRecipe(Recipe):
    """A recipe whose model trains with Mixout; see :func:`seedproof.methods.mixing.apply_mixout`."""

    method: ClassVar[str] = "mixout"
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({**Recipe.ADDED, "covers": "names"})

    p: Share = 0.9
    """Probability that a column of weights is replaced by the pre-trained one."""
    where: Literal["lee", "linear"] = "lee"
    """Lee et al.'s layers, the head toward 0; or every linear layer, the head toward its initial weights."""
    legacy_gradient: bool = False
    """True leaves 1 / (1 - p) out of the gradient, as the authors' code does."""
    covers: Literal["names", "flow"] | None = None
    """How Lee et al.'s layers are told: by the flow of a text through the model; or by names that miss some (ALBERT's
    projection of its embeddings), as before. None: ``flow`` where the two differ."""

    def prepare_model(self, model: nn.Module) -> None:
        """Make the model's linear layers mix while training."""
        from seedproof.methods.mixing import apply_mixout

        covers = self.required("covers")
        apply_mixout(model, self.p, where=self.where, legacy_gradient=self.legacy_gradient, covers=covers)


MIXOUT = MixoutRecipe(
    name="mixout",
    description="devlin with Mixout (p .9, Lee et al.'s layers, head toward 0) instead of dropout",
    dropout=0.0,
)

MIXOUT_LINEAR = dataclasses.replace(
    MIXOUT,
    name="mixout-linear",
    description="devlin with Mixout (p .1, every linear layer, head toward its start) instead of dropout",
    p=0.1,
    where="linear",
)
