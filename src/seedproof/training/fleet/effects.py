"""What the methods of a fleet's members do to its step: rates by parameter, targets of the decay, clipping, averages.

Each is a column of one number per member, or a slab like the weights', so that the calls of a step do not follow the number
of members. What no member asks for costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seedproof.methods.base import Effects, average_rate
from seedproof.models.stacked.layout import SlabLayout
from seedproof.models.stacked.stack import Stack

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64

_NONE = Effects()

Factors = np.ndarray | Tensor | None
"""Factors on the learning rates of a slab: one per member, float64 (members,); or, where they differ inside of the slab, a
tensor (members, size); None: all are 1."""


class StackedEffects:
    """The effects of the members of a stack, in the order of its rows; of a new stack, none."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._members = [_NONE] * stack.members
        self._factors: list[Factors] | None = None
        self._loss_weights: Tensor | None = None
        self.targets: list[Tensor | None] = [None] * len(stack.values)
        """Weights toward which members decay, one tensor like each slab, 0 where one decays toward 0; None: all do."""

    def keep(self, members: Sequence[int], stack: Stack) -> StackedEffects:
        """The effects on ``stack``, which holds copies of these members."""
        kept = StackedEffects(stack)
        kept._members = [self._members[index] for index in members]
        rows = torch.as_tensor(members, dtype=torch.int64, device=stack.device)
        kept.targets = [None if target is None else target.index_select(0, rows) for target in self.targets]
        return kept

    def set(self, member: int, effects: Effects) -> None:
        """Give a member its effects, in place of those that its row had."""
        self._members[member], self._factors, self._loss_weights = effects, None, None
        for target in self.targets:
            if target is not None:
                target[member] = 0.0
        for name, value in effects.decay_targets.items():
            index, entry = self._stack.layout.locations[name]
            if not self._stack.layout.slabs[index].decays:
                continue
            target = self.targets[index]
            if target is None:
                target = self.targets[index] = torch.zeros_like(self._stack.values[index])
            target[member, entry.start : entry.stop].copy_(value.flatten())

    @property
    def tensor_clips(self) -> Float64[np.ndarray, " members"]:
        """Greatest norm of each tensor's gradient; inf: no bound."""
        return np.array([math.inf if each.tensor_clip is None else each.tensor_clip for each in self._members])

    def loss_weights(self, outputs: int) -> Float[Tensor, "members {outputs}"] | None:
        """Weights of each member's classes in its loss, 1 where it has none, kept until members change; None: all have none."""
        if self._loss_weights is None and any(each.loss_weights is not None for each in self._members):
            ones = torch.ones(outputs)
            rows = [ones if each.loss_weights is None else each.loss_weights.cpu() for each in self._members]
            self._loss_weights = torch.stack(rows).to(self._stack.dtype).to(self._stack.device)
        return self._loss_weights

    @property
    def is_averaged(self) -> Bool[np.ndarray, " members"]:
        """Whether the weights of a member are averaged."""
        return np.array([each.average is not None for each in self._members], bool)

    def average_rates(self, steps: Sequence[int]) -> Float64[np.ndarray, " members"]:
        """Rates at which averages go toward the weights after these steps; 0 for members without one."""
        pairs = zip(self._members, steps, strict=True)
        return np.array([0.0 if each.average is None else average_rate(each.average, step) for each, step in pairs])

    def factors(self, slab: int) -> Factors:
        """The factors on the learning rates of a slab, kept until the members change."""
        if self._factors is None:
            self._factors = [self._factors_of(layout) for layout in self._stack.layout.slabs]
        return self._factors[slab]

    def _factors_of(self, slab: SlabLayout) -> Factors:
        names = [entry.name for entry in slab.entries]
        found = np.array([[each.rate_factors.get(name, 1.0) for name in names] for each in self._members], float)
        if (found == 1.0).all():
            return None
        if (found == found[:, :1]).all():
            return found[:, 0]
        spread = np.repeat(found, [entry.size for entry in slab.entries], axis=1)
        return torch.from_numpy(spread).to(self._stack.dtype).to(self._stack.device)
