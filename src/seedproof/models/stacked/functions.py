"""The few operations of an encoder that a stack does for all members at once, with gradients written in place.

Axes: m members, t tokens of a member, n inputs, k outputs. Each is an autograd function whose backward pass writes the
gradient of its weights into the slot itself and returns only that of its input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seedproof.models.stacked.masks import Drop
from seedproof.models.stacked.packing import Grid, Group
from seedproof.models.stacked.stack import Slot

if TYPE_CHECKING:
    from jaxtyping import Float, Int

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "gelu": nn.functional.gelu,
        "gelu_new": partial(nn.functional.gelu, approximate="tanh"),
        "relu": nn.functional.relu,
        "tanh": torch.tanh,
    }
)
"""Activations by Transformers' names; any shape."""


@dataclass(frozen=True)
class Mix:
    """Mixout of one matrix: mixed = target + scale * (weight - target) (Lee et al. 2020), column by column."""

    target: Float[Tensor, "m k n"]
    """Weights mixed in; 0 for a member without Mixout."""
    scale: Float[Tensor, "m parts 1 n"]
    """mask / (1 - p); 1 for a member without Mixout. Parts: matrices joined in the slot."""
    slope: Float[Tensor, "m parts 1 n"]
    """Factor of the gradient: the scale, or without 1 / (1 - p) where the legacy gradient is asked for."""

    def __call__(self, weight: Float[Tensor, "m k n"]) -> Float[Tensor, "m k n"]:
        """The mixed weight."""
        return torch.addcmul(self.target, self._spread(self.scale, weight), weight - self.target)

    def gradient(self, gradient: Float[Tensor, "m k n"]) -> Float[Tensor, "m k n"]:
        """The gradient of the weight from that of the mixed weight."""
        return gradient * self._spread(self.slope, gradient)

    @staticmethod
    def _spread(scale: Tensor, weight: Tensor) -> Tensor:
        members, parts, _, columns = scale.shape
        return scale.expand(-1, -1, weight.shape[1] // parts, -1).reshape(members, weight.shape[1], columns)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Slot, bias: Slot, mix: Mix | None, dtype: torch.dtype) -> Tensor:
        matrix = (mix(weight.value) if mix is not None else weight.value).to(dtype)
        x = x.to(dtype)
        ctx.save_for_backward(x, matrix)
        ctx.weight, ctx.bias, ctx.mix = weight, bias, mix
        return torch.baddbmm(bias.value.to(dtype)[:, None, :], x, matrix.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, matrix = ctx.saved_tensors
        if ctx.mix is None:
            ctx.weight.add_matmul(gradient.transpose(1, 2), x)
        else:
            ctx.weight.add(ctx.mix.gradient(torch.bmm(gradient.transpose(1, 2), x)))
        ctx.bias.add(gradient.sum(1, dtype=ctx.bias.value.dtype))
        return torch.bmm(gradient, matrix), None, None, None, None


def linear(
    x: Float[Tensor, "m t n"], weight: Slot, bias: Slot, *, mix: Mix | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "m t k"]:
    """Each member's ``x weight' + bias``, weight (m, k, n) and bias (m, k), computed in ``dtype``."""
    return _Linear.apply(x, weight, bias, mix, dtype)  # type: ignore[no-any-return,no-untyped-call]


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, residual: Tensor, x: Tensor | None, drop: Drop | None, weight: Slot, bias: Slot, eps: float
    ) -> Tensor:
        total = residual if x is None else residual + (x if drop is None else drop(x))
        normal, mean, deviation = torch.native_layer_norm(total, total.shape[-1:], None, None, eps)
        ctx.save_for_backward(total, normal, mean, deviation)
        ctx.weight, ctx.bias, ctx.drop, ctx.has_two = weight, bias, drop, x is not None
        return torch.addcmul(bias.value[:, None, :], normal, weight.value[:, None, :])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        total, normal, mean, deviation = ctx.saved_tensors
        ctx.bias.add(gradient.sum(1))
        ctx.weight.add((gradient * normal).sum(1))
        inner = gradient * ctx.weight.value[:, None, :]
        outer = torch.ops.aten.native_layer_norm_backward(
            inner, total, total.shape[-1:], mean, deviation, None, None, (True, False, False)
        )[0]
        second = outer if ctx.drop is None else ctx.drop(outer)
        return outer, second if ctx.has_two else None, None, None, None, None


def layer_norm(
    residual: Float[Tensor, "m t n"],
    weight: Slot,
    bias: Slot,
    eps: float,
    *,
    x: Float[Tensor, "m t n"] | None = None,
    drop: Drop | None = None,
) -> Float[Tensor, "m t n"]:
    """LayerNorm of ``residual`` plus the dropped ``x``, with each member's weight and bias (m, n)."""
    master = weight.value.dtype
    second = None if x is None else x.to(master)
    return _LayerNorm.apply(residual.to(master), second, drop, weight, bias, eps)  # type: ignore[no-any-return,no-untyped-call]


class _Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, drop: Drop) -> Tensor:
        ctx.drop = drop
        return drop(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.drop(gradient.contiguous()), None


def dropped(x: Float[Tensor, "*shape"], drop: Drop | None) -> Float[Tensor, "*shape"]:
    """``x`` with dropout; None: as it is."""
    return x if drop is None else _Dropped.apply(x.float().contiguous(), drop)  # type: ignore[no-untyped-call]


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchor: Tensor, table: Slot, rows: Tensor) -> Tensor:  # noqa: ARG004
        ctx.table = table
        ctx.save_for_backward(rows)
        return table.value.view(-1, table.value.shape[-1]).index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        (rows,) = ctx.saved_tensors
        ctx.table.add_rows(rows, gradient)
        return None, None, None


def lookup(table: Slot, rows: Int[Tensor, " rows"]) -> Float[Tensor, "rows width"]:
    """Rows of all members' tables, (m, entries, width), taken as one of m * entries rows."""
    # Autograd needs something to differentiate; the gradient that matters goes into the slot.
    anchor = torch.empty(0, device=rows.device, requires_grad=torch.is_grad_enabled())
    return _Lookup.apply(anchor, table, rows)  # type: ignore[no-any-return,no-untyped-call]


class _Attention(torch.autograd.Function):
    """softmax(query key' / sqrt(width)) value inside each sequence, from packed rows to packed rows."""

    @staticmethod
    def forward(ctx: Any, joined: Tensor, grid: Grid, drops: Sequence[Drop | None]) -> Tensor:
        members, tokens, width = joined.shape
        size = width // (3 * grid.heads)
        rows = joined.reshape(-1, size).index_select(0, grid.to_grid)
        context = rows.new_zeros(len(grid.to_packed_back) + 1, size)
        probabilities = []
        for (query, key, value), out, group, drop in _by_group(rows, context, grid, drops):
            bias = group.bias.to(rows.dtype)
            scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=size**-0.5)
            attended = torch.softmax(scores, -1, dtype=torch.promote_types(rows.dtype, torch.float32))
            probabilities.append(attended)
            torch.bmm((attended if drop is None else drop.kept(attended)).to(rows.dtype), value, out=out)
            if drop is not None:
                out.mul_(drop.scale)
        ctx.save_for_backward(rows, *probabilities)
        ctx.grid, ctx.drops, ctx.shape = grid, drops, joined.shape
        return context.index_select(0, grid.to_packed).view(members, tokens, width // 3)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        rows, *probabilities = ctx.saved_tensors
        grid: Grid = ctx.grid
        size = rows.shape[1]
        context = gradient.reshape(-1, size).index_select(0, grid.to_packed_back)
        result = rows.new_empty(len(rows) + 1, size)
        result[-1] = 0.0
        sides = (_by_group(each, context, grid, ctx.drops) for each in (rows, result))
        parts = zip(*sides, probabilities, strict=True)
        for ((query, key, value), above, _, drop), (outs, _, _, _), attended in parts:
            if drop is not None:
                above.mul_(drop.scale)
            kept = attended if drop is None else drop.kept(attended)
            torch.bmm(kept.to(rows.dtype).transpose(1, 2), above, out=outs[2])
            inner = torch.bmm(above, value.transpose(1, 2)).to(attended.dtype)
            inner = inner if drop is None else drop.kept(inner)
            scores = torch._softmax_backward_data(inner, attended, -1, attended.dtype).mul_(size**-0.5).to(rows.dtype)
            torch.bmm(scores, key, out=outs[0])
            torch.bmm(scores.transpose(1, 2), query, out=outs[1])
        return result.index_select(0, grid.to_grid_back).view(ctx.shape), None, None


def _by_group(
    rows: Tensor, context: Tensor, grid: Grid, drops: Sequence[Drop | None]
) -> Iterator[tuple[Tensor, Tensor, Group, Drop | None]]:
    """Views of each group: query, key and value (3, sequences * heads, length, size), and its part of the context."""
    start, size = 0, rows.shape[1]
    for group, drop in zip(grid.groups, drops, strict=True):
        batch = group.sequences * grid.heads
        count = batch * group.length
        three = rows[3 * start : 3 * (start + count)].view(3, batch, group.length, size)
        yield three, context[start : start + count].view(batch, group.length, size), group, drop
        start += count


def attention(
    joined: Float[Tensor, "m t three_widths"], grid: Grid, drops: Sequence[Drop | None]
) -> Float[Tensor, "m t width"]:
    """Attention inside each sequence, packed as ``joined``.

    Args:
        joined: query, key and value of every packed token, one behind the other.
        grid: the arrangement of its rows for attention.
        drops: dropout of the attention probabilities of each group of the grid.
    """
    return _Attention.apply(joined, grid, drops)  # type: ignore[no-any-return,no-untyped-call]
