"""Re-initialization: the pooler and the top blocks begin anew, as they did before pre-training.

Zhang et al. 2021 (arXiv 2006.05987, section 4): the highest blocks are specialized in the pre-training task, and a worse
start than a random one. With the L highest blocks and the pooler: matrices from N(0, initializer_range), biases 0, LayerNorms
1 and 0. Their L is 5 of 24 blocks after a search over 1 to 6. As in their code the normal distribution is not truncated.

The draws come from the run's head seed, as the head's do, and are not the head's. A head that has a dense layer of its own
(RoBERTa) has it from the head seed already; the pooler is one that was pre-trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from seedproof.errors import UserError
from seedproof.fields import Range
from seedproof.methods.base import Method, Start, Treatment
from seedproof.methods.levels import check_count, levels
from seedproof.models.layers import locate_all

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Reinit(Method):
    """Re-initialization of the pooler and the top blocks (Zhang et al. 2021; see the module for the rule)."""

    name: ClassVar[str] = "reinit"
    description: ClassVar[str] = "draw the pooler and the top blocks anew (Zhang et al. 2021, arXiv 2006.05987)"
    owns: ClassVar[frozenset[str]] = frozenset(("the start weights",))
    in_fleet: ClassVar[bool] = True

    layers: Annotated[int, Range(0)] = 5
    """How many blocks are drawn anew, from the highest; 0: the pooler alone. Zhang et al. search 1 to 6 of BERT-large's 24."""

    def check_model(self, model: nn.Module) -> None:
        """Refuse more blocks than there are, blocks that share their weights, and a model in which nothing is drawn."""
        if not self.redraws(model):
            raise UserError(
                f"reinit: layers = 0 draws the pooler alone, and {type(model).__name__} has none that was pre-trained; give "
                "layers of at least 1"
            )

    def redraws(self, model: nn.Module) -> frozenset[str]:
        """The pooler's and the top blocks' parameters."""
        names = [name for name, _ in model.named_parameters()]
        pooler = [
            name
            for name, location in zip(names, locate_all(names), strict=True)
            if location.kind == "pooler" and name.startswith(f"{model.base_model_prefix}.")
        ]
        if not self.layers:
            return frozenset(pooler)
        found = check_count(model, self.name, self.layers, f"layers = {self.layers} draws as many blocks anew")
        blocks = range(found.top - self.layers, found.top)
        return frozenset(pooler) | {name for name, level in found.of.items() if level in blocks}

    def notes(self, model: nn.Module) -> list[str]:
        """How much is drawn."""
        names = self.redraws(model)
        pooler = ["the pooler"] if any(location.kind == "pooler" for location in locate_all(names)) else []
        blocks = [f"the highest {self.layers} of {levels(model, self.name).blocks} blocks"] if self.layers else []
        return [f"draws {' and '.join(pooler + blocks)} anew from each run's head seed"]

    def start(self, start: Start) -> Treatment:
        """Draw them."""
        from seedproof.models.loading import draw

        self.check_model(start.model)
        config: Any = start.model.config
        std = getattr(config.get_text_config(), "initializer_range", None)
        draw(
            start.model,
            self.redraws(start.model),
            start.generator,
            start.recipe.initializer_range if std is None else std,
        )
        return Treatment()
