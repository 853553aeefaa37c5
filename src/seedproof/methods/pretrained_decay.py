"""Pre-trained weight decay: weights decay toward those they were pre-trained to, not toward 0.

Compared by Zhang et al. 2021 (arXiv 2006.05987, section 6) and Lee, Cho and Kang 2020 (arXiv 1909.11299), after Wiese et al.
2017 and Daume III 2007. With a = rate * weight_decay of a step, the pre-trained weights T and the step's own update u,

    w <- w - u - a (w - T)                      of the old or of the updated weights, as the recipe's ``decay`` says.

Pooler and head have no pre-trained weights for the task and decay toward 0, as without the method; so do weights that another
method draws anew. Biases and LayerNorms do not decay. How strong it is, is the recipe's ``weight_decay``: .01 in Zhang et al.

Their released code differs: it decays the head toward its own random draw, because its test for the last group is never true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seedproof.errors import UserError
from seedproof.methods.base import Effects, Method, Start, Treatment
from seedproof.models.layers import locate_all

if TYPE_CHECKING:
    from seedproof.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class PretrainedDecay(Method):
    """Weight decay toward the pre-trained weights (see the module for the rule)."""

    name: ClassVar[str] = "pretrained_decay"
    description: ClassVar[str] = (
        "decay toward the pre-trained weights, not toward 0 (Zhang et al. 2021, arXiv 2006.05987)"
    )
    owns: ClassVar[frozenset[str]] = frozenset(("toward what a weight decays",))
    in_fleet: ClassVar[bool] = True
    order_matters: ClassVar[bool] = False

    def check(self, recipe: Recipe) -> None:
        """Refuse a recipe without weight decay."""
        if recipe.required("weight_decay") == 0.0:
            raise UserError(
                f"pretrained_decay: weight_decay = 0 of recipe {recipe.name!r} decays nothing; set weight_decay=0.01, or leave "
                "pretrained_decay out"
            )

    def start(self, start: Start) -> Treatment:
        """Remember the start weights of what was pre-trained."""
        drawn = frozenset().union(*(method.redraws(start.model) for method in start.recipe.methods))
        parameters = dict(start.model.named_parameters())
        treatment = Treatment()
        treatment.effects = Effects(
            decay_targets={
                name: parameters[name].detach().clone()
                for name, location in zip(parameters, locate_all(parameters), strict=True)
                if location.kind not in ("pooler", "classifier") and name not in drawn
            }
        )
        return treatment
