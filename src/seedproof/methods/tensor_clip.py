"""Component-wise gradient norm clipping: each tensor's gradient on its own, then all of them together.

Yang and Ma 2022 (arXiv 2210.10325): the components of a model (query matrices, biases, LayerNorms, ...) converge at different
speeds, and one norm over all of them lets the fastest decide. With a bound c, every parameter's gradient g becomes
g min(1, c / |g|), and then the recipe's own clipping follows, which is the global norm at 1 in their code (the Trainer's).

They search c in .01, .05, .1, .5, 1 and 5. Their released code clips only in steps at which it also records the norms, as its
callback sets them up. A recipe's ``clip="tensor"`` is another thing: each tensor alone, without the global norm (BertAdam).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seedproof.errors import UserError
from seedproof.fields import Positive
from seedproof.methods.base import Effects, Method, Start, Treatment

if TYPE_CHECKING:
    from seedproof.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class TensorClip(Method):
    """Clipping of each tensor's gradient before the recipe's clipping (Yang and Ma 2022; see the module)."""

    name: ClassVar[str] = "tensor_clip"
    description: ClassVar[str] = "clip each tensor's gradient, then all together (Yang and Ma 2022, arXiv 2210.10325)"
    in_fleet: ClassVar[bool] = True
    order_matters: ClassVar[bool] = False

    norm: Positive = 0.1
    """Greatest L2 norm of each tensor's gradient. Yang and Ma choose it by task from .01, .05, .1, .5, 1 and 5."""

    def check(self, recipe: Recipe) -> None:
        """Refuse a recipe that clips each tensor already."""
        if recipe.clip == "tensor":
            raise UserError(
                f"tensor_clip: clip = 'tensor' of recipe {recipe.name!r} clips each tensor already, at max_grad_norm = "
                f"{recipe.max_grad_norm:g}; set clip=global or clip=none, or leave tensor_clip out"
            )

    def start(self, start: Start) -> Treatment:  # noqa: ARG002
        """Give the bound."""
        treatment = Treatment()
        treatment.effects = Effects(tensor_clip=self.norm)
        return treatment
