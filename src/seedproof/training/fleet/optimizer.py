"""AdamW over a stack: every member with its own learning rate, betas, eps, decay, bias correction and clipping.

The step is that of :class:`seedproof.training.optimizer.AdamW` (see there for the four variants), in the form

    w <- w (1 - a) - r m / (sqrt(v) + e),

with one a, r and e per member. Each operation goes over a slab of all members, or on a CPU over as many columns of it as
the caches hold, so the number of calls does not depend on the number of members. Where all members take the same step,
as seeds of one recipe do, PyTorch's fused kernel takes it for all of them in one pass over memory.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

if TYPE_CHECKING:
    from seedproof.models.stacked.layout import Layout
    from seedproof.models.stacked.stack import Stack
    from seedproof.recipes import Recipe


COLUMNS = 1 << 17
"""Of a slab that are updated at a time: a large embedding would go through memory ten times, a part of it stays in the
cache."""


@dataclass(frozen=True)
class Rates:
    """The numbers of one step, one per member, float64 (members,)."""

    first: np.ndarray
    """1 - beta1."""
    second: np.ndarray
    """1 - beta2."""
    share: np.ndarray
    """a: of each decaying weight, what the step takes away."""
    plain_size: np.ndarray
    """r where nothing decays."""
    decayed_size: np.ndarray
    """r where weights decay: smaller by the share where the updated weights decay."""
    eps: np.ndarray
    """e."""

    @classmethod
    def of(cls, recipes: Sequence[Recipe], learning_rates: Sequence[float], steps: Sequence[int]) -> Rates:
        """The numbers for members with these recipes at their learning rates and steps (counted from 1)."""
        first = np.array([recipe.required("beta1") for recipe in recipes])
        second = np.array([recipe.required("beta2") for recipe in recipes])
        rates, taken = np.asarray(learning_rates), np.asarray(steps)
        root = np.sqrt(1.0 - second**taken)
        is_corrected = np.array([recipe.bias_correction for recipe in recipes])
        size = np.where(is_corrected, rates * root / (1.0 - first**taken), rates)
        is_after = np.array([recipe.eps_place == "after" for recipe in recipes])
        eps = np.array([recipe.eps for recipe in recipes]) * np.where(is_corrected & is_after, root, 1.0)
        share = rates * np.array([recipe.required("weight_decay") for recipe in recipes])
        is_updated = np.array([recipe.decay == "updated" for recipe in recipes])
        return cls(1.0 - first, 1.0 - second, share, size, size * np.where(is_updated, 1.0 - share, 1.0), eps)

    @property
    def are_alike(self) -> bool:
        """Whether all members take the same step."""
        return all((values == values[0]).all() for values in (getattr(self, field.name) for field in fields(self)))


class StackedAdamW:
    """The optimizer of a stack; holds the averages, one (members, size) tensor per slab."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.averages = [torch.zeros_like(value) for value in stack.values]
        self.squares = [torch.zeros_like(value) for value in stack.values]

    def keep(self, members: Sequence[int], stack: Stack) -> StackedAdamW:
        """The optimizer of ``stack``, which holds copies of these members."""
        kept = StackedAdamW.__new__(StackedAdamW)
        rows = torch.as_tensor(members, dtype=torch.int64, device=stack.device)
        kept._stack = stack
        kept.averages = [value.index_select(0, rows) for value in self.averages]
        kept.squares = [value.index_select(0, rows) for value in self.squares]
        return kept

    def clear(self, member: int) -> None:
        """Forget a member's averages, for a new run in its place."""
        for value in (*self.averages, *self.squares):
            value[member] = 0.0

    def clip(self, recipes: Sequence[Recipe]) -> None:
        """Clip every member's gradients as its recipe says: not at all, their global norm, or each tensor's own."""
        if all(recipe.clip == "none" for recipe in recipes):
            return
        stack = self._stack
        if any(recipe.clip == "tensor" for recipe in recipes):
            self._clip_tensors(recipes, stack.norms(stack.gradients))
        squares = torch.stack([torch.linalg.vector_norm(value, dim=1) for value in stack.gradients])
        norms = torch.linalg.vector_norm(squares, dim=0)
        # 1e-6 as in torch.nn.utils.clip_grad_norm_. A norm that is not finite makes the member's gradients so.
        bounds = self._column([r.max_grad_norm if r.clip == "global" else np.inf for r in recipes])
        factors = torch.where(bounds.isinf(), 1.0, (bounds / (norms[:, None] + 1e-6)).clamp(max=1.0))
        if stack.device.type != "cpu" or bool((factors != 1.0).any()):  # on a GPU looking costs more than multiplying
            for gradient in stack.gradients:
                gradient.mul_(factors)

    def _clip_tensors(self, recipes: Sequence[Recipe], norms: Tensor) -> None:
        layout: Layout = self._stack.layout
        bounds = self._column([r.max_grad_norm if r.clip == "tensor" else np.inf for r in recipes])
        factors = torch.where(bounds.isinf(), 1.0, (bounds / (norms + 1e-6)).clamp(max=1.0))
        for column, name in enumerate(layout.names):
            index, entry = layout.places[name]
            self._stack.gradients[index][:, entry.start : entry.stop].mul_(factors[:, column : column + 1])

    @torch.no_grad()
    def step(self, rates: Rates) -> None:
        """Take one step of every member."""
        if rates.are_alike:
            self._step_alike(rates, decays=True)
            self._step_alike(rates, decays=False)
        else:
            self._step_each(rates)

    def _step_alike(self, rates: Rates, decays: bool) -> None:
        """One step of all members' slabs that decay, or of the others, with the numbers of the first member."""
        chosen = [index for index, slab in enumerate(self._stack.layout.slabs) if slab.decays == decays]
        stack, size = self._stack, float((rates.decayed_size if decays else rates.plain_size)[0])
        # The corrections are in the numbers already; at an infinite count the kernel's own vanish, 1 - beta^inf = 1.
        count = torch.full((), math.inf, dtype=torch.float32, device=stack.device)
        values, gradients, averages, squares = (
            [tensors[index] for index in chosen]
            for tensors in (stack.values, stack.gradients, self.averages, self.squares)
        )
        adamw(
            values,
            gradients,
            averages,
            squares,
            [],
            [count] * len(chosen),
            fused=True,
            amsgrad=False,
            beta1=1.0 - float(rates.first[0]),
            beta2=1.0 - float(rates.second[0]),
            lr=size,
            eps=float(rates.eps[0]),
            weight_decay=float(rates.share[0]) / size if decays and size else 0.0,
            maximize=False,
        )

    def _step_each(self, rates: Rates) -> None:
        """One step of every member with its own numbers."""
        first, second, eps = self._column(rates.first), self._column(rates.second), self._column(rates.eps)
        kept = self._column(1.0 - rates.share)
        sizes = {True: self._column(rates.decayed_size), False: self._column(rates.plain_size)}
        tiny = torch.finfo(self._stack.dtype).tiny
        columns = COLUMNS if self._stack.device.type == "cpu" else sys.maxsize
        for slab, *tensors in zip(
            self._stack.layout.slabs,
            self._stack.values,
            self._stack.gradients,
            self.averages,
            self.squares,
            strict=True,
        ):
            for parts in zip(*(torch.split(tensor, min(columns, slab.size), dim=1) for tensor in tensors), strict=True):
                weight, gradient, average, square = parts
                average.lerp_(gradient, first)
                square.lerp_(gradient.square_(), second)  # the gradient is not needed any more
                # Roots of 0 and of subnormal numbers, as rows of an embedding without tokens have, take a CPU five to
                # thirty times as long; behind a sum with eps, at least 1e-12, nothing is left of them.
                step = torch.clamp_min(square, tiny, out=gradient).sqrt_().add_(eps)
                torch.div(average, step, out=step).mul_(sizes[slab.decays])
                if slab.decays:
                    weight.mul_(kept)
                weight.sub_(step)

    def _column(self, values: Sequence[float] | np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(values, np.float64)).to(self._stack.dtype).to(self._stack.device)[:, None]
