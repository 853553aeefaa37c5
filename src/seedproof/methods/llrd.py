"""Layer-wise learning rate decay: the lower a layer, the smaller its steps.

Howard and Ruder 2018 (arXiv 1801.06146, section 3.1: discriminative fine-tuning), in the form that Zhang et al. 2021
(arXiv 2006.05987, section 5) compare for BERT: with the learning rate lr of a step and a decay d, pooler and head are trained
at lr, the top block at lr d, the next at lr d^2, ..., and the embeddings, below the lowest of L blocks, at lr d^(L + 1).

Zhang et al.'s released code also leaves out the weight decay of pooler and head as soon as d < 1; here weight decay is as
without the method, and follows each rate as it does in every AdamW (a step takes away rate * weight_decay of a weight).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from seedproof.errors import UserError
from seedproof.fields import Range
from seedproof.methods.base import Effects, Method, Start, Treatment
from seedproof.methods.levels import Embeddings, levels, right_embeddings

if TYPE_CHECKING:
    from torch import nn

    from seedproof.models.source import ModelSource


@dataclass(frozen=True, kw_only=True)
class LLRD(Method):
    """Layer-wise learning rate decay (Zhang et al. 2021; see the module for the rule)."""

    name: ClassVar[str] = "llrd"
    description: ClassVar[str] = "smaller learning rates in lower layers (Zhang et al. 2021, arXiv 2006.05987)"
    in_fleet: ClassVar[bool] = True
    order_matters: ClassVar[bool] = False
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({"embeddings": "named"})

    decay: Annotated[float, Range(0.0, 1.0, includes_low=False)] = 0.95
    """Factor of the learning rate from one block to the next lower one; .95 in Zhang et al."""
    embeddings: Embeddings | None = None
    """What counts as embeddings: all that comes before the first block or is looked up for all (tables of relative positions);
    or what is called so, as before, with the rest at the top. None: ``all`` where the two differ."""

    def check_model(self, model: nn.Module) -> None:
        """Refuse a model whose blocks cannot be told, or share their weights."""
        found = levels(model, self.name)
        if found.layers > found.blocks:
            raise UserError(
                f"llrd gives every layer a learning rate of its own, and the {found.layers} layers of {type(model).__name__} "
                f"share the weights of {found.blocks}; leave llrd out"
            )

    def right_values(self, source: ModelSource) -> Mapping[str, Any]:
        """Whether names miss some of the embeddings: then all count."""
        return right_embeddings(source, self.name)

    def notes(self, model: nn.Module) -> list[str]:
        """The smallest rates."""
        blocks = levels(model, self.name).blocks
        lowest, embeddings = (f"{self.decay**power:.2g}" for power in (blocks, blocks + 1))
        return [
            f"trains the lowest of {blocks} blocks at {lowest} of the learning rate, the embeddings at {embeddings}"
        ]

    def start(self, start: Start) -> Treatment:
        """Give every parameter below the top its factor."""
        self.check_model(start.model)
        found = levels(start.model, self.name, self.embeddings or "all")
        treatment = Treatment()
        treatment.effects = Effects(
            rate_factors={
                name: self.decay ** (found.top - level) for name, level in found.of.items() if level < found.top
            }
        )
        return treatment
