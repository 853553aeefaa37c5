"""Random masks that depend on a run's own dropout seed, its step and the place in the model only, never on fleet-mates.

Counter-based (Salmon et al. 2011): the random number at a place is a hash of the key of (seed, step, site) and of the
place, so it can be computed anywhere, for all members in one call. The hash multiplies, shifts and multiplies (after
Wellons' "lowbias32"); dropout asks no more of it than that masks are unrelated, which the tests look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seedproof.models.stacked.packing import Group

if TYPE_CHECKING:
    from jaxtyping import Int, Int32, UInt64

_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - (1 << 32)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def site_keys(
    step_seeds: UInt64[np.ndarray, " members"], sites: Int[np.ndarray, " sites"]
) -> Int32[np.ndarray, "members sites"]:
    """A key for each member and site, int32 (members, sites): SplitMix64 of the member's seed for this step.

    Args:
        step_seeds: of each member, uint64 (members,); see :func:`seedproof.training.engine.step_seed`.
        sites: numbers of the places in the model where a mask is drawn, (sites,).
    """
    with np.errstate(over="ignore"):
        x = step_seeds.astype(np.uint64)[:, None] + (sites.astype(np.uint64) + np.uint64(1)) * _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    keys: np.ndarray = (x >> np.uint64(32)).astype(np.uint32).view(np.int32)
    return keys


@lru_cache(maxsize=64)
def _scrambled(count: int, salt: int, device: str) -> Tensor:
    """Hashed counters, int32 (count,): places whose numbers are near must not have near hashes."""
    keys = site_keys(np.array([salt], np.uint64), np.arange(count))
    return torch.from_numpy(keys[0].copy()).to(device)


@dataclass(frozen=True, eq=False)
class Chance:
    """With what probability each member's numbers are zero, and by what the others are multiplied."""

    bounds: Tensor
    """int32 (members,): 31-bit hashes below it give zero."""
    scales: Tensor
    """1 / (1 - probability), float32 (members,)."""

    @classmethod
    def of(cls, probability: np.ndarray, device: torch.device) -> Chance:
        """From the probabilities of a zero, float64 (members,)."""
        bounds = np.round(probability * 2.0**31 - 2.0**30).astype(np.int32)
        scales = torch.from_numpy(1.0 / (1.0 - probability)).float()
        return cls(torch.from_numpy(bounds).to(device), scales.to(device))


@dataclass(frozen=True, eq=False)
class Drop:
    """One dropout: what to keep, as bits, and the factor. On a CPU an AND costs a tenth of a comparison."""

    bits: Tensor
    """int32, of the shape of what is dropped: all bits set to keep, none to drop."""
    scale: Tensor
    """float32, broadcasts against it."""

    def __call__(self, x: Tensor) -> Tensor:
        """``x``, float32, with its drops at 0 and the rest scaled; also the backward pass."""
        return self.kept(x).mul_(self.scale)

    def kept(self, x: Tensor) -> Tensor:
        """The same without the factor."""
        return torch.bitwise_and(x.view(torch.int32), self.bits).view(torch.float32)


@dataclass(frozen=True, eq=False)
class Masks:
    """The masks of one step of a stack: at a place, what the hash of its coordinates, the step and the seed says.

    The number at a place depends on its coordinates alone: in sequences padded to another length, or computed in another
    order, it is the same.
    """

    keys: Tensor
    """Of :func:`site_keys`, int32 (members, sites), on the device."""
    chance: Chance

    def tokens(self, site: int, tokens: int, width: int) -> Drop:
        """For (members, tokens, width)."""
        hashed = self.keys[:, site].view(-1, 1, 1) ^ self._axis(0, tokens).view(-1, 1) ^ self._axis(1, width)
        return Drop(_bits(hashed, self.chance.bounds.view(-1, 1, 1)), self.chance.scales.view(-1, 1, 1))

    def attention(self, site: int, group: Group, heads: int) -> Drop:
        """For the attention of a group of sequences, (sequences * heads, length, length)."""
        owners, places, length = group.owners, group.places, group.length
        sequence = self.keys[owners, site] ^ self._axis(2, _rounded(_LARGEST_BATCH))[places]
        head = (sequence.view(-1, 1) ^ self._axis(3, heads)).view(-1, 1, 1)
        hashed = head ^ self._axis(0, length).view(-1, 1) ^ self._axis(1, length)
        bounds = self.chance.bounds[owners].repeat_interleave(heads).view(-1, 1, 1)
        return Drop(_bits(hashed, bounds), self.chance.scales[owners].repeat_interleave(heads).view(-1, 1, 1))

    def columns(self, site: int, width: int) -> Tensor:
        """For (members, width): 0 or the factor, float32."""
        drop = self.tokens(site, 1, width)
        return drop(torch.ones(drop.bits.shape, device=drop.bits.device)).squeeze(1)

    def _axis(self, axis: int, length: int) -> Tensor:
        return _scrambled(_rounded(length), axis, str(self.keys.device))[:length]


_LARGEST_BATCH = 1 << 14


def _bits(hashed: Tensor, bounds: Tensor) -> Tensor:
    """All bits set where the scrambled ``hashed``, which is used up, is not below the bound."""
    hashed *= _FIRST
    hashed ^= hashed >> 15
    hashed *= _SECOND
    hashed >>= 1  # 31 bits, so that the difference does not overflow
    hashed -= bounds
    hashed >>= 31
    return hashed.bitwise_not_()


def _rounded(length: int) -> int:
    """The next power of two, so that few tables are kept."""
    return 1 << max(4, (length - 1).bit_length())
