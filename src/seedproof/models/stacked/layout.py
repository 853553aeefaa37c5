"""Where each parameter of a stock model sits in a stack: a few long rows ("slabs") instead of hundreds of tensors.

An optimizer's arithmetic goes over a slab at a time, so its cost in calls depends neither on the number of members nor
on the number of tensors in a layer. Parameters that decay and those that do not (biases, LayerNorms) are apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from seedproof.models.decay import without_decay
from seedproof.models.layers import locate

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Entry:
    """One parameter: its name in the stock model, its shape, and where it begins in its slab."""

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """Elements of the parameter."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """End in its slab."""
        return self.start + self.size


@dataclass(frozen=True)
class SlabLayout:
    """Parameters that lie one behind the other and share their treatment."""

    name: str
    decays: bool
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Elements of the slab, per member."""
        return self.entries[-1].stop


@dataclass(frozen=True)
class Layout:
    """Where every parameter of an architecture sits. Equal layouts can share a stack."""

    slabs: tuple[SlabLayout, ...]
    names: tuple[str, ...]
    """All parameters in the order of the stock model."""

    @classmethod
    def of(cls, model: nn.Module) -> Layout:
        """Layout of models like this one."""
        plain = without_decay(model)
        grouped: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
        parameters = {name: tuple(value.shape) for name, value in model.named_parameters()}
        for name, shape in parameters.items():
            grouped.setdefault("vectors" if name in plain else _slab_of(name), []).append((name, shape))
        slabs = tuple(SlabLayout(name, name != "vectors", _entries(group)) for name, group in grouped.items())
        return cls(slabs, tuple(parameters))

    @cached_property
    def locations(self) -> Mapping[str, tuple[int, Entry]]:
        """Index of its slab, and its entry there, by name of parameter."""
        return {entry.name: (index, entry) for index, slab in enumerate(self.slabs) for entry in slab.entries}

    @property
    def size(self) -> int:
        """Elements of one member's parameters."""
        return sum(slab.size for slab in self.slabs)


def _slab_of(name: str) -> str:
    """An embedding matrix is alone, because rows are looked up in it; a layer's matrices are together."""
    place = locate(name)
    if place.kind == "embeddings":
        return name
    return "head" if place.layer is None else f"layer {place.layer}"


def _entries(group: list[tuple[str, tuple[int, ...]]]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for name, shape in group:
        entries.append(Entry(name, shape, entries[-1].stop if entries else 0))
    return tuple(entries)
