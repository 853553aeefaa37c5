"""The numbers of a fleet, a row for each member: weights, averages, the start and the best weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.stack import Stack
from seedproof.training.fleet.optimizer import StackedAdamW


class FleetState:
    """Weights, gradients and averages of a fleet, and what it must remember of its members."""

    def __init__(self, layout: Layout, *, device: torch.device | str, dtype: torch.dtype) -> None:
        self.stack = Stack(layout, 0, device=device, dtype=dtype)
        self.optimizer = StackedAdamW(self.stack)
        self.starts: list[Tensor] = []
        """The weights that members started from, like ``values`` of the stack."""
        self.best: list[Tensor] = []
        """The weights at the members' best evaluations; empty while no recipe selects."""

    def resize(self, rows: Sequence[int]) -> None:
        """Make these rows of the present ones; -1 is a new row, whose averages are 0."""
        old = self.stack
        if not old.members or not rows:
            self.stack = Stack(old.layout, len(rows), device=old.device, dtype=old.dtype)
            self.optimizer = StackedAdamW(self.stack)
            self.starts, self.best = [torch.zeros_like(value) for value in self.stack.values], []
            return
        sources = [max(row, 0) for row in rows]
        stack = old.keep(sources)
        optimizer = self.optimizer.keep(sources, stack)
        starts, best = ([value[sources] for value in slabs] for slabs in (self.starts, self.best))
        # All at once: if memory ends in between, the old fleet is still whole.
        self.stack, self.optimizer, self.starts, self.best = stack, optimizer, starts, best
        for index in (index for index, row in enumerate(rows) if row < 0):
            self.optimizer.clear(index)

    def start(self, member: int, weights: Mapping[str, Tensor]) -> None:
        """Give a new member its start weights, by the names of the stock model."""
        self.stack.load(member, weights)
        self.stack.write(self.starts, member, weights)

    def remember_best(self) -> None:
        """Make room for the members' best weights."""
        self.best = self.best or [torch.zeros_like(value) for value in self.stack.values]

    def keep_best(self, members: Sequence[int]) -> None:
        """The present weights of these members are their best so far."""
        for best, value in zip(self.best, self.stack.values, strict=True) if members else ():
            best[members] = value[members]

    def distances(self) -> np.ndarray:
        """How far each parameter is from its start, float32 (members, parameters). Uses up the gradients."""
        slabs = zip(self.stack.values, self.starts, self.stack.gradients, strict=True)
        moved = [torch.sub(value, start, out=room) for value, start, room in slabs]
        distances: np.ndarray = self.stack.norms(moved).float().cpu().numpy()
        return distances

    def read(self, member: int, *, has_best: bool) -> dict[str, np.ndarray]:
        """Everything that the next step of a member depends on, as arrays by kind and name."""
        kinds = self._kinds() | ({"best": self.best} if has_best else {})
        return {
            f"{kind}/{name}": value.cpu().numpy()
            for kind, slabs in kinds.items()
            for name, value in self.stack.read(slabs, member).items()
        }

    def write(self, member: int, arrays: Mapping[str, np.ndarray], *, has_best: bool) -> None:
        """The opposite of :meth:`read`."""
        for kind, slabs in (self._kinds() | ({"best": self.best} if has_best else {})).items():
            names = {name: f"{kind}/{name}" for name in self.stack.layout.names}
            tensors = {name: torch.from_numpy(np.array(arrays[key])) for name, key in names.items()}
            self.stack.write(slabs, member, tensors)

    def _kinds(self) -> dict[str, list[Tensor]]:
        return {"model": self.stack.values, "average": self.optimizer.averages, "square": self.optimizer.squares}
