"""State of a fleet, a row for each member: weights, moments, the start and the best weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seedproof.methods.base import Effects
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.stack import Stack
from seedproof.training.fleet.effects import StackedEffects
from seedproof.training.fleet.optimizer import StackedAdamW

if TYPE_CHECKING:
    from jaxtyping import Float, Float32


class FleetState:
    """Weights, gradients and moments of a fleet, and what it must remember of its members."""

    def __init__(self, layout: Layout, *, device: torch.device | str, dtype: torch.dtype) -> None:
        self.stack = Stack(layout, 0, device=device, dtype=dtype)
        self.optimizer = StackedAdamW(self.stack)
        self.starts: list[Tensor] = []
        """The weights that members started from, like ``values`` of the stack."""
        self.best: list[Tensor] = []
        """The weights at the members' best evaluations; empty while no recipe selects."""
        self.averaged: list[Tensor] = []
        """The moving averages of the members' weights; empty while no method averages."""

    def resize(self, rows: Sequence[int]) -> None:
        """Make these rows of the present ones; -1 is a new row, whose moments are 0."""
        old = self.stack
        if not old.members or not rows:
            self.stack = Stack(old.layout, len(rows), device=old.device, dtype=old.dtype)
            self.optimizer = StackedAdamW(self.stack)
            self.starts, self.best = [torch.zeros_like(value) for value in self.stack.values], []
            self.averaged = []
            return
        sources = [max(row, 0) for row in rows]
        stack = old.keep(sources)
        optimizer = self.optimizer.keep(sources, stack)
        others = [[value[sources] for value in slabs] for slabs in (self.starts, self.best, self.averaged)]
        # All at once: if memory ends in between, the old fleet is still whole.
        self.stack, self.optimizer, (self.starts, self.best, self.averaged) = stack, optimizer, others
        for index in (index for index, row in enumerate(rows) if row < 0):
            self.optimizer.clear(index)

    @property
    def effects(self) -> StackedEffects:
        """What the members' methods do to a step."""
        return self.optimizer.effects

    def start(self, member: int, weights: Mapping[str, Tensor], effects: Effects) -> None:
        """Give a new member its start weights, by the names of the stock model, and what its methods do."""
        self.stack.load(member, weights)
        self.stack.write(self.starts, member, weights)
        self.effects.set(member, effects)
        if effects.average is not None:
            self.averaged = self.averaged or [torch.zeros_like(value) for value in self.stack.values]
            self.stack.write(self.averaged, member, weights)

    def average(self, steps: Sequence[int]) -> None:
        """Let the averages follow the weights after these steps of the members."""
        if not self.averaged:
            return
        rates = torch.from_numpy(self.effects.average_rates(steps)).to(self.stack.dtype).to(self.stack.device)[:, None]
        for average, value in zip(self.averaged, self.stack.values, strict=True):
            average.lerp_(value, rates)

    def evaluated(self, members: Sequence[int]) -> Stack:
        """These members, in this order, with the weights that are evaluated: their averages, where a method averages."""
        is_averaged = self.effects.is_averaged[list(members)]
        stack = self.stack.holding(self.averaged) if is_averaged.all() else self.stack
        rows = np.flatnonzero(is_averaged) if stack is self.stack else ()
        if list(members) == list(range(stack.members)) and len(rows) == 0:
            return stack  # all of them, in the order of their rows: no copy
        kept = stack.keep(members, trains=False)
        for value, average in zip(kept.values, self.averaged, strict=True) if len(rows) else ():
            value[rows] = average[np.asarray(members)[rows]]
        return kept

    def result(self, member: int, *, is_best: bool) -> dict[str, Tensor]:
        """A copy of the weights that a member's training results in: the best, or the present ones, as evaluated."""
        present = self.averaged if self.effects.is_averaged[member] else self.stack.values
        return self.stack.read(self.best if is_best else present, member)

    def remember_best(self) -> None:
        """Make room for the members' best weights."""
        self.best = self.best or [torch.zeros_like(value) for value in self.stack.values]

    def keep_best(self, members: Sequence[int]) -> None:
        """The present weights of these members, as evaluated, are their best so far."""
        if not members:
            return
        for best, value in zip(self.best, self.evaluated(members).values, strict=True):
            best[members] = value

    def distances(self, values: Sequence[Tensor]) -> Float[Tensor, "members parameters"]:
        """L2 distance of each parameter in ``values``, like those of the stack, from its start; room for one slab is taken."""
        slabs = zip(values, self.starts, strict=True)
        return self.stack.norms(torch.sub(value, start) for value, start in slabs)

    def evaluated_distances(self) -> Float32[np.ndarray, "members parameters"]:
        """Distances of the weights as they are evaluated, on the host. Uses up the gradients, and takes no room."""
        values = self.evaluated(range(self.stack.members)).values
        slabs = zip(values, self.starts, self.stack.gradients, strict=True)
        moved = (torch.sub(value, start, out=room) for value, start, room in slabs)
        distances: np.ndarray = self.stack.norms(moved).float().cpu().numpy()
        return distances

    def read(self, member: int, *, has_best: bool) -> dict[str, np.ndarray]:
        """Everything that the next step of a member depends on, as arrays by kind and name."""
        kinds = self._kinds(member, has_best)
        return {
            f"{kind}/{name}": value.cpu().numpy()
            for kind, slabs in kinds.items()
            for name, value in self.stack.read(slabs, member).items()
        }

    def write(self, member: int, arrays: Mapping[str, np.ndarray], *, has_best: bool) -> None:
        """The opposite of :meth:`read`."""
        for kind, slabs in self._kinds(member, has_best).items():
            names = {name: f"{kind}/{name}" for name in self.stack.layout.names}
            tensors = {name: torch.from_numpy(np.array(arrays[key])) for name, key in names.items()}
            self.stack.write(slabs, member, tensors)

    def _kinds(self, member: int, has_best: bool) -> dict[str, list[Tensor]]:
        kinds = {
            "model": self.stack.values,
            "average": self.optimizer.first_moments,
            "square": self.optimizer.second_moments,
        }
        kinds |= {"best": self.best} if has_best else {}
        return kinds | ({"averaged": self.averaged} if self.effects.is_averaged[member] else {})
