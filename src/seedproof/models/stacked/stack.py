"""Weights and gradients of the members of a stack, by the names of the stock model."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seedproof.errors import UserError
from seedproof.models.stacked.layout import Layout

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Slot:
    """One parameter of all members, or several that lie one behind the other: views into a slab.

    Gradients are written here by the backward pass itself, without a copy: the first contribution of a step replaces
    what was there, further ones (ALBERT shares its layer) add to it.
    """

    def __init__(self, value: Tensor, gradient: Tensor | None) -> None:
        self.value = value
        """(members, *shape)."""
        self._gradient = gradient
        self.is_fresh = True
        """Whether this step has not written a gradient yet."""

    @property
    def gradient(self) -> Tensor:
        """(members, *shape), a view."""
        if self._gradient is None:
            raise RuntimeError("this stack has no gradients; it was made to evaluate")
        return self._gradient

    def add_matmul(self, left: Float[Tensor, "members out n"], right: Float[Tensor, "members n in_"]) -> None:
        """Add ``left @ right`` to a matrix's gradient."""
        gradient = self.gradient
        if left.dtype != gradient.dtype:
            self.add(torch.bmm(left, right))
        elif self.is_fresh:
            torch.bmm(left, right, out=gradient)
            self.is_fresh = False
        else:
            gradient.baddbmm_(left, right)

    def add(self, value: Float[Tensor, "members ..."]) -> None:
        """Add ``value``, of the slot's shape, to the gradient."""
        if self.is_fresh:
            self.gradient.copy_(value)
            self.is_fresh = False
        else:
            self.gradient.add_(value)

    def add_rows(self, rows: Int[Tensor, " rows"], value: Float[Tensor, "rows width"]) -> None:
        """Add ``value`` to these rows of the gradients of all members' tables, taken as one."""
        table = self.gradient.view(-1, value.shape[-1])
        if self.is_fresh:
            table.zero_()
            self.is_fresh = False
        table.index_add_(0, rows, value)


class Stack:
    """Weights of ``members`` models of one layout and, if ``trains``, room for their gradients.

    In fp32, or in fp64 for comparisons that rounding must not blur.
    """

    def __init__(
        self,
        layout: Layout,
        members: int,
        *,
        device: torch.device | str = "cpu",
        trains: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.layout, self.members, self.device, self.dtype = layout, members, torch.device(device), dtype
        self.values = [torch.zeros(members, slab.size, device=self.device, dtype=dtype) for slab in layout.slabs]
        """One (members, size) tensor per slab."""
        self.gradients = [torch.zeros_like(value) for value in self.values] if trains else []
        self._slots: dict[tuple[str, ...], Slot] = {}

    def slot(self, *names: str) -> Slot:
        """The parameter of this name; several names: parameters that lie one behind the other, joined along their
        first dimension (query, key and value, for one matmul instead of three)."""
        if names not in self._slots:
            index, first = self.layout.locations[names[0]]
            entries = [self.layout.locations[name][1] for name in names]
            if any(before.stop != after.start for before, after in itertools.pairwise(entries)):
                raise ValueError(f"parameters do not lie one behind the other: {names}")
            shape = (self.members, len(names) * first.shape[0], *first.shape[1:])
            part = slice(first.start, entries[-1].stop)
            gradient = self.gradients[index][:, part].view(shape) if self.gradients else None
            self._slots[names] = Slot(self.values[index][:, part].view(shape), gradient)
        return self._slots[names]

    def start_backward(self) -> None:
        """Forget the gradients of the last step."""
        for slot in self._slots.values():
            slot.is_fresh = True

    def load(self, member: int, weights: Mapping[str, Tensor]) -> None:
        """Give a member its weights, from a stock model's ``state_dict`` or ``named_parameters``.

        Raises:
            UserError: a parameter is missing or has another shape.
        """
        for name, (index, entry) in self.layout.locations.items():
            if name not in weights or tuple(weights[name].shape) != entry.shape:
                found = tuple(weights[name].shape) if name in weights else "nothing"
                raise UserError(f"the models of one stack must be alike: {name} has shape {entry.shape}, found {found}")
            self.values[index][member, entry.start : entry.stop].copy_(weights[name].detach().flatten())

    def weights(self, member: int) -> dict[str, Tensor]:
        """A copy of a member's weights by the names of the stock model."""
        return self.read(self.values, member)

    def read(self, slabs: Sequence[Tensor], member: int) -> dict[str, Tensor]:
        """A member's row of any tensors of the layout (weights, gradients, moments), by name, copied."""
        return {
            name: slabs[index][member, entry.start : entry.stop].view(entry.shape).clone()
            for name, (index, entry) in self.layout.locations.items()
        }

    def write(self, slabs: Sequence[Tensor], member: int, tensors: Mapping[str, Tensor]) -> None:
        """The opposite of :meth:`read`."""
        for name, (index, entry) in self.layout.locations.items():
            slabs[index][member, entry.start : entry.stop].copy_(tensors[name].detach().flatten())

    def keep(self, members: Sequence[int], *, trains: bool = True) -> Stack:
        """A new stack with copies of these members."""
        kept = Stack(self.layout, 0, device=self.device, trains=False, dtype=self.dtype)
        rows = torch.as_tensor(members, dtype=torch.int64, device=self.device)
        kept.members = len(members)
        kept.values = [value.index_select(0, rows) for value in self.values]
        kept.gradients = [torch.zeros_like(value) for value in kept.values] if trains else []
        return kept

    def holding(self, values: list[Tensor]) -> Stack:
        """A stack to evaluate, of other weights, like ``values``, of these members; nothing is copied."""
        other = Stack(self.layout, 0, device=self.device, trains=False, dtype=self.dtype)
        other.members, other.values = self.members, values
        return other

    @torch.no_grad()
    def norms(self, slabs: Iterable[Float[Tensor, "members _"]]) -> Float[Tensor, "members parameters"]:
        """L2 norm of each parameter in any tensors of the layout, in the stock order.

        A call for neighbours of one size together: their number does not depend on that of members.
        """
        found = []
        for layout, slab in zip(self.layout.slabs, slabs, strict=True):
            for size, (*entries,) in itertools.groupby(layout.entries, key=lambda entry: entry.size):
                together = slab[:, entries[0].start : entries[-1].stop].view(self.members, len(entries), size)
                found.append(torch.linalg.vector_norm(together, dim=2))
        return torch.cat(found, 1).index_select(1, self._stock_order)

    @cached_property
    def _stock_order(self) -> Int[Tensor, " parameters"]:
        """Where each parameter of the stock model stands among the entries of all slabs."""
        places = {
            entry.name: place for place, entry in enumerate(e for slab in self.layout.slabs for e in slab.entries)
        }
        return torch.tensor([places[name] for name in self.layout.names], device=self.device)
