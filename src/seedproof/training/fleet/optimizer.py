"""AdamW over a stack: every member with its own learning rate, betas, eps, decay, bias correction and clipping.

The step is that of :class:`seedproof.training.optimizer.AdamW` (see there for the four variants), in the form

    w <- w (1 - a) - r m / (sqrt(v) + e),

with one a, r and e per member. Each operation goes over a slab of all members, or on a CPU over as many columns of it as
the caches hold, so the number of calls does not depend on the number of members. Where all members take the same step,
as seeds of one recipe do, PyTorch's fused kernel takes it for all of them in one pass over memory: slabs at one rate in one
call. Toward a target T of a method, a weight decays as w <- w + a (T - w), apart from the kernel, which knows 0 alone.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from seedproof.training.fleet.effects import StackedEffects

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64

    from seedproof.models.stacked.layout import Layout
    from seedproof.models.stacked.stack import Stack
    from seedproof.recipes import Recipe


COLUMNS = 1 << 17
"""Columns of a slab per pass on a CPU: an update passes over its data about ten times; a block this wide stays in the
cache."""


@dataclass(frozen=True)
class Rates:
    """Coefficients of one step, one per member."""

    first: Float64[np.ndarray, " members"]
    """1 - beta1."""
    second: Float64[np.ndarray, " members"]
    """1 - beta2."""
    share: Float64[np.ndarray, " members"]
    """a: fraction of each decaying weight that the step takes away."""
    size: Float64[np.ndarray, " members"]
    """r where nothing decays."""
    is_updated: Bool[np.ndarray, " members"]
    """Whether the updated weights decay, not the old ones."""
    eps: Float64[np.ndarray, " members"]
    """e."""

    @classmethod
    def of(cls, recipes: Sequence[Recipe], learning_rates: Sequence[float], steps: Sequence[int]) -> Rates:
        """Coefficients for members with these recipes at their learning rates and steps (counted from 1)."""
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
        return cls(1.0 - first, 1.0 - second, share, size, is_updated, eps)

    @property
    def decayed_size(self) -> np.ndarray:
        """r where weights decay: smaller by the share where the updated weights decay."""
        return self.size * np.where(self.is_updated, 1.0 - self.share, 1.0)

    @property
    def are_alike(self) -> bool:
        """Whether all members take the same step."""
        coefficients = (self.first, self.second, self.share, self.size, self.decayed_size, self.eps)
        return all((values == values[0]).all() for values in coefficients)

    def scaled(self, factors: np.ndarray | None) -> Rates:
        """Coefficients at learning rates that are multiplied by these factors, float64 (members,)."""
        return self if factors is None else replace(self, share=self.share * factors, size=self.size * factors)


class StackedAdamW:
    """Optimizer of a stack; holds the first and second moments, one (members, size) tensor per slab."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.effects = StackedEffects(stack)
        """What the members' methods do to the step."""
        self.first_moments = [torch.zeros_like(value) for value in stack.values]
        self.second_moments = [torch.zeros_like(value) for value in stack.values]

    def keep(self, members: Sequence[int], stack: Stack) -> StackedAdamW:
        """The optimizer of ``stack``, which holds copies of these members."""
        kept = StackedAdamW.__new__(StackedAdamW)
        rows = torch.as_tensor(members, dtype=torch.int64, device=stack.device)
        kept._stack = stack
        kept.effects = self.effects.keep(members, stack)
        kept.first_moments = [value.index_select(0, rows) for value in self.first_moments]
        kept.second_moments = [value.index_select(0, rows) for value in self.second_moments]
        return kept

    def clear(self, member: int) -> None:
        """Forget a member's moments, for a new run in its place."""
        for value in (*self.first_moments, *self.second_moments):
            value[member] = 0.0

    def clip(self, recipes: Sequence[Recipe], norms: Float[Tensor, "members parameters"] | None = None) -> None:
        """Clip every member's gradients: each tensor's norm where a method says so, then as the recipe says: not at all,
        their global norm, or each tensor's own.

        Args:
            recipes: of the members.
            norms: of the gradients, where they are known, to spare the pass over them.
        """
        stack = self._stack
        bounds = np.array([recipe.max_grad_norm if recipe.clip == "tensor" else math.inf for recipe in recipes])
        bounds = np.minimum(bounds, self.effects.tensor_clips)
        if np.isfinite(bounds).any():
            self._clip_tensors(self._column(bounds), stack.norms(stack.gradients) if norms is None else norms)
        if not any(recipe.clip == "global" for recipe in recipes):
            return
        of_slabs = torch.stack([torch.linalg.vector_norm(value, dim=1) for value in stack.gradients])
        totals = torch.linalg.vector_norm(of_slabs, dim=0)
        bounds = np.array([recipe.max_grad_norm if recipe.clip == "global" else math.inf for recipe in recipes])
        factors = _clipping(self._column(bounds), totals[:, None])
        if stack.device.type != "cpu" or bool((factors != 1.0).any()):  # on a GPU looking costs more than multiplying
            for gradient in stack.gradients:
                gradient.mul_(factors)

    def _clip_tensors(self, bounds: Float[Tensor, "members 1"], norms: Float[Tensor, "members parameters"]) -> None:
        layout: Layout = self._stack.layout
        factors = _clipping(bounds, norms)
        for column, name in enumerate(layout.names):
            index, entry = layout.locations[name]
            self._stack.gradients[index][:, entry.start : entry.stop].mul_(factors[:, column : column + 1])

    @torch.no_grad()
    def step(self, rates: Rates) -> None:
        """Take one step of every member."""
        alike: dict[tuple[bool, float], list[int]] = {}
        others: list[int] = []
        for index in range(len(self._stack.values)):
            factors = self.effects.factors(index)
            if not rates.are_alike or isinstance(factors, Tensor) or not _are_equal(factors):
                others.append(index)
            else:
                factor = 1.0 if factors is None else float(factors[0])
                alike.setdefault((self._decays(index), factor), []).append(index)
        self._decay_toward_targets(rates, is_updated=False)
        for (decays, factor), chosen in alike.items():
            self._step_alike(rates.scaled(np.array(factor)), chosen, decays)
        if others:
            self._step_each(rates, others)
        self._decay_toward_targets(rates, is_updated=True)

    def _decays(self, index: int) -> bool:
        """Whether a slab decays in the step itself: toward 0."""
        return self._stack.layout.slabs[index].decays and self.effects.targets[index] is None

    def _decay_toward_targets(self, rates: Rates, is_updated: bool) -> None:
        """Decay the old or the updated weights of the slabs that have targets, of those members whose recipe says so."""
        share = np.where(rates.is_updated == is_updated, rates.share, 0.0)
        for index, target in enumerate(self.effects.targets):
            if target is None or not share.any():
                continue
            factors = self.effects.factors(index)
            if isinstance(factors, Tensor):
                amount = self._column(share) * factors
            else:
                amount = self._column(share if factors is None else share * factors)
            self._stack.values[index].lerp_(target, amount)

    def _step_alike(self, rates: Rates, chosen: Sequence[int], decays: bool) -> None:
        """One step of all members' slabs ``chosen``, with the coefficients of the first member."""
        stack, size = self._stack, float((rates.decayed_size if decays else rates.size)[0])
        # The corrections are in the coefficients already; at an infinite count the kernel's own vanish, 1 - beta^inf = 1.
        count = torch.full((), math.inf, dtype=torch.float32, device=stack.device)
        values, gradients, first_moments, second_moments = (
            [tensors[index] for index in chosen]
            for tensors in (stack.values, stack.gradients, self.first_moments, self.second_moments)
        )
        adamw(
            values,
            gradients,
            first_moments,
            second_moments,
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

    def _step_each(self, rates: Rates, chosen: Sequence[int]) -> None:
        """One step of the slabs ``chosen``, every member with its own coefficients."""
        shared = (rates.first, rates.second, rates.eps, rates.is_updated)
        own = [number for index in chosen for number in self._coefficients(rates, index)]
        first, second, eps, is_updated, *columns = self._columns(*shared, *own)
        for index, size, kept in zip(chosen, columns[::2], columns[1::2], strict=True):
            factors = self.effects.factors(index)
            if isinstance(factors, Tensor):
                size, kept = size * factors, 1.0 - (1.0 - kept) * factors
                size = torch.where(is_updated > 0, size * kept, size) if self._decays(index) else size
            self._step_slab(index, first, second, eps, size, kept)

    def _coefficients(self, rates: Rates, index: int) -> tuple[np.ndarray, np.ndarray]:
        """r and 1 - a of a slab at its factors; at 1, without the decay in r, where factors differ inside of it."""
        factors = self.effects.factors(index)
        if isinstance(factors, Tensor):
            return rates.size, 1.0 - rates.share
        own = rates.scaled(factors)
        return own.decayed_size if self._decays(index) else own.size, 1.0 - own.share

    def _step_slab(self, index: int, first: Tensor, second: Tensor, eps: Tensor, size: Tensor, kept: Tensor) -> None:
        """One step of a slab: ``size`` is r, ``kept`` 1 - a; all are (members, 1), these two perhaps (members, slab size)."""
        whole = self._stack.values[index]
        tiny = torch.finfo(whole.dtype).tiny
        columns = min(COLUMNS if whole.device.type == "cpu" else sys.maxsize, whole.shape[1])
        slabs = (whole, self._stack.gradients[index], self.first_moments[index], self.second_moments[index])
        parts = [torch.split(each, columns, 1) for each in (*slabs, size.expand_as(whole), kept.expand_as(whole))]
        for weight, gradient, average, square, r, remaining in zip(*parts, strict=True):
            average.lerp_(gradient, first)
            square.lerp_(gradient.square_(), second)  # the gradient is not needed any more
            # Roots of 0 and of subnormal numbers, as rows of an embedding without tokens have, take a CPU five to
            # thirty times as long; behind a sum with eps, at least 1e-12, nothing is left of them.
            step = torch.clamp_min(square, tiny, out=gradient).sqrt_().add_(eps)
            torch.div(average, step, out=step).mul_(r)
            if self._decays(index):
                weight.mul_(remaining)
            weight.sub_(step)

    def _column(self, values: Sequence[float] | np.ndarray) -> Tensor:
        """One number per member on the device, (members, 1)."""
        return self._columns(np.asarray(values, np.float64))[0]

    def _columns(self, *values: np.ndarray) -> list[Tensor]:
        """Columns as of :meth:`_column`, in one transfer."""
        table = torch.from_numpy(np.stack(values).astype(np.float64))
        return [row[:, None] for row in table.to(self._stack.dtype).to(self._stack.device)]


def _are_equal(factors: np.ndarray | None) -> bool:
    return factors is None or bool((factors == factors[0]).all())


def _clipping(bounds: Tensor, norms: Tensor) -> Tensor:
    """Factors of gradients of these norms; 1e-6 as in ``torch.nn.utils.clip_grad_norm_``.

    A norm that is not finite makes the gradients so.
    """
    return torch.where(bounds.isinf(), 1.0, (bounds / (norms + 1e-6)).clamp(max=1.0))
