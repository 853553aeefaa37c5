"""Mixed matrices in a fleet: each member mixes those of its methods' effects (Mixout), with masks of its own seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seedproof.methods import Mixture
from seedproof.models.stacked.functions import Mix
from seedproof.models.stacked.masks import DropProbability, Masks, site_keys
from seedproof.models.stacked.stack import Stack


@dataclass(frozen=True, eq=False)
class _Joined:
    """Mixture of the matrices of one matmul, over all members."""

    target: Tensor
    """(members, out, in)."""
    probabilities: tuple[DropProbability, ...]
    """Probability of each matrix's masks."""
    slopes: Tensor
    """What a mask is multiplied by for the gradient, (members, matrices, 1, 1): 1, or 1 - p for the legacy gradient."""


class MixedMembers:
    """What the members of a fleet mix: the mixtures among the effects of their methods."""

    def __init__(self) -> None:
        self._members: list[Mapping[str, Mixture]] = []
        self._joined: dict[tuple[str, ...], _Joined | None] = {}

    def add(self, mixtures: Mapping[str, Mixture]) -> None:
        """Take note of a new member's matrices, by the name of their module."""
        self._members.append(mixtures)
        self._joined = {}

    def keep(self, members: Sequence[int]) -> None:
        """Let go of all but these members."""
        self._members = [self._members[index] for index in members]
        self._joined = {}

    def at(self, stack: Stack, step_seeds: np.ndarray) -> _Mixes | None:
        """The mixtures of one step; None: nobody mixes."""
        if not any(self._members):
            return None
        return _Mixes(self, stack, step_seeds)

    def joined(self, names: tuple[str, ...], stack: Stack) -> _Joined | None:
        """How the matrices of these modules are mixed, kept until the members change."""
        if names not in self._joined:
            self._joined[names] = self._join(names, stack)
        return self._joined[names]

    def _join(self, names: tuple[str, ...], stack: Stack) -> _Joined | None:
        if not any(name in member for member in self._members for name in names):
            return None
        target = torch.zeros_like(stack.slot(*[f"{name}.weight" for name in names]).value)
        rows = target.shape[1] // len(names)
        p = np.zeros((len(names), len(self._members)))
        slopes = torch.ones(len(self._members), len(names), 1, 1, device=stack.device)
        for column, member in enumerate(self._members):
            for part, name in enumerate(names):
                if (matrix := member.get(name)) is not None:
                    target[column, part * rows : (part + 1) * rows] = matrix.target
                    p[part, column] = matrix.p
                    slopes[column, part] = 1.0 - matrix.p if matrix.legacy_gradient else 1.0
        return _Joined(target, tuple(DropProbability.of(row, stack.device) for row in p), slopes)


class _Mixes:
    """The mixtures of one step."""

    def __init__(self, members: MixedMembers, stack: Stack, step_seeds: np.ndarray) -> None:
        self._members, self._stack, self._seeds = members, stack, step_seeds

    def of(self, names: tuple[str, ...], use: int) -> Mix | None:
        """See :class:`seedproof.models.stacked.encoder.Mixes`."""
        joined = self._members.joined(names, self._stack)
        if joined is None:
            return None
        width = joined.target.shape[2]
        drawn = [self._mask(name, use, each, width) for name, each in zip(names, joined.probabilities, strict=True)]
        scale = torch.stack(drawn, dim=1)[:, :, None, :]
        return Mix(joined.target, scale, scale * joined.slopes)

    def _mask(self, name: str, use: int, probability: DropProbability, width: int) -> Tensor:
        """(members, width)."""
        # A site of its own for each use of a matrix, apart from those of dropout.
        site = int.from_bytes(hashlib.blake2b(f"mixout {name} {use}".encode(), digest_size=7).digest(), "little")
        keys = torch.from_numpy(site_keys(self._seeds, np.array([site]))).to(self._stack.device)
        return Masks(keys, probability).columns(0, width)
