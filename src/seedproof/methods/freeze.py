"""Freezing with gradual unfreezing: the lower part of the encoder joins the training later, from the top down, or never.

Howard and Ruder 2018 (ULMFiT, arXiv 1801.06146, section 3.3) train the head alone for an epoch, then thaw the highest frozen
layer, train all that is thawed for an epoch, and so on down to the embeddings. Raffel et al. 2020 (T5, arXiv 1910.10683,
section 3.5.1) spread it evenly over the training instead. Both are here: F levels (the frozen blocks, and the embeddings
below them) are thawed one at a time, the highest first, level i of F

    after i * every epochs            (ULMFiT: every = 1)
    after i / (F + 1) of all steps    (every = none)

rounded down to whole steps. While a parameter is frozen, nothing changes it: no gradient, no decay; its moments in Adam, and the
count of its bias correction, begin when it thaws. The learning rate is the schedule's: it does not begin anew.

ULMFiT's released code differs: it thaws two groups one by one, then everything else at once, and begins a new schedule and a
new optimizer each time. T5 trains its embeddings, which it shares with the output, from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from seedproof.errors import UserError
from seedproof.fields import Positive, Range
from seedproof.methods.base import Method, Start, Treatment
from seedproof.methods.levels import Embeddings, Levels, check_count, levels, right_embeddings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from seedproof.models.source import ModelSource
    from seedproof.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Freeze(Method):
    """Freezing of embeddings and lower blocks, with gradual unfreezing (Howard and Ruder 2018; see the module)."""

    name: ClassVar[str] = "freeze"
    description: ClassVar[str] = (
        "thaw the encoder from the top down, or not at all (Howard and Ruder 2018, arXiv 1801.06146)"
    )
    owns: ClassVar[frozenset[str]] = frozenset(("which weights are trained",))
    order_matters: ClassVar[bool] = False
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({"embeddings": "named"})

    layers: Annotated[int, Range(0)] | None = None
    """How many blocks are frozen at the start, from the lowest, with the embeddings; 0: the embeddings alone; None: all."""
    unfreeze: Literal["gradual", "never"] = "gradual"
    """Whether what is frozen thaws, a block at a time from the highest, the embeddings last."""
    every: Positive | None = None
    """Epochs between two thaws; ULMFiT has 1. None: evenly over the whole training."""
    embeddings: Embeddings | None = None
    """What counts as embeddings: all that comes before the first block or is looked up for all (tables of relative positions);
    or what is called so, as before, with the rest at the top. None: ``all`` where the two differ."""

    def check(self, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse times of thawing for what never thaws."""
        if self.unfreeze == "never" and self.every is not None:
            raise UserError(
                f"freeze: every = {self.every:g} says when to thaw, but unfreeze = 'never'; leave one of them out"
            )

    def check_model(self, model: nn.Module) -> None:
        """Refuse more blocks than there are, and some of blocks that share their weights (all of them thaw as one)."""
        self._levels(model)

    def _levels(self, model: nn.Module) -> Levels:
        embeddings = self.embeddings or "all"
        if self.layers is None:
            return levels(model, self.name, embeddings)
        return check_count(model, self.name, self.layers, f"layers = {self.layers} freezes as many blocks", embeddings)

    def right_values(self, source: ModelSource) -> Mapping[str, Any]:
        """Whether names miss some of the embeddings: then all count."""
        return right_embeddings(source, self.name)

    def notes(self, model: nn.Module) -> list[str]:
        """What is frozen, and how it thaws."""
        found = self._levels(model)
        count = found.blocks if self.layers is None else self.layers
        blocks = f" and the lowest {count} of {found.blocks} blocks" if count else ""
        if self.unfreeze == "never":
            return [f"freezes the embeddings{blocks} for good"]
        when = "evenly over the training" if self.every is None else f"every {self.every:g} epochs"
        return [f"freezes the embeddings{blocks} at first, and thaws one after the other from the top, {when}"]

    def start(self, start: Start) -> Treatment:
        """Decide when each parameter thaws."""
        found = self._levels(start.model)
        highest = found.blocks if self.layers is None else self.layers
        thaws = {
            level: self._first_step(highest - level + 1, highest + 1, start.plan.steps, start.plan.steps_per_epoch)
            for level in range(highest + 1)
        }
        below = [(name, value) for name, value in start.model.named_parameters() if found.of[name] <= highest]
        return _Frozen([(value, thaws[found.of[name]]) for name, value in below if value.requires_grad])

    def _first_step(self, number: int, frozen: int, steps: int, per_epoch: int) -> float:
        """The first step, from 1, of the level that thaws as the ``number``-th of ``frozen``."""
        if self.unfreeze == "never":
            return float("inf")
        if self.every is None:
            return number * steps // (frozen + 1) + 1
        return int(number * self.every * per_epoch) + 1


class _Frozen(Treatment):
    """Keeps parameters without gradients until their first step; a function of the step alone, so it has no state."""

    def __init__(self, parameters: list[tuple[Tensor, float]]) -> None:
        self._parameters = parameters
        """Parameters with the first step of each."""

    def before_step(self, step: int) -> None:
        """Ask for no gradient of what is frozen: it costs nothing then, and the optimizer leaves it alone."""
        for value, first in self._parameters:
            value.requires_grad_(step >= first)

    def after_gradient(self, step: int) -> None:  # noqa: ARG002
        """Leave the model's parameters between steps as others expect them."""
        for value, _ in self._parameters:
            value.requires_grad_(True)
