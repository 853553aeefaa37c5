"""Random masks that depend on a run's own dropout seed, its step and the element's index alone, never on fleet-mates.

Counter-based (Salmon et al. 2011): an element's random number is a hash of the key of (seed, step, site) and of its index,
so it can be computed anywhere, for all members in one call. The hash multiplies, shifts and multiplies (after Wellons'
"lowbias32"); dropout asks no more of it than that masks are unrelated, which the tests look at.
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
    from jaxtyping import Float32, Float64, Int, Int32, UInt64

_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - (1 << 32)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def site_keys(
    step_seeds: UInt64[np.ndarray, " members"], sites: Int[np.ndarray, " sites"]
) -> Int32[np.ndarray, "members sites"]:
    """Keys of the members' masks at each site: SplitMix64 of the member's seed for this step.

    Args:
        step_seeds: one per member; see :func:`seedproof.training.engine.step_seed`.
        sites: numbers of the operations of the model that draw a mask.
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
    """Hashed counters, int32 (count,): neighbouring indices must not have neighbouring hashes."""
    keys = site_keys(np.array([salt], np.uint64), np.arange(count))
    return torch.from_numpy(keys[0].copy()).to(device)


@dataclass(frozen=True, eq=False)
class DropProbability:
    """Dropout probability of each member: as a threshold of the hash, and as the factor of what is kept."""

    thresholds: Int32[Tensor, " members"]
    """31-bit hashes, less 2^30, below it are dropped."""
    scales: Float32[Tensor, " members"]
    """1 / (1 - probability)."""

    @classmethod
    def of(cls, probability: Float64[np.ndarray, " members"], device: torch.device) -> DropProbability:
        """Threshold and factor of each member's probability."""
        thresholds = np.round(probability * 2.0**31 - 2.0**30).astype(np.int32)
        scales = torch.from_numpy(1.0 / (1.0 - probability)).float()
        return cls(torch.from_numpy(thresholds).to(device), scales.to(device))


@dataclass(frozen=True, eq=False)
class Drop:
    """Mask of one dropout, as bits, and its factor. On a CPU an AND costs a tenth of a comparison."""

    bits: Int32[Tensor, "*shape"]
    """All bits set to keep an element, none to drop it."""
    scale: Float32[Tensor, "*broadcast"]
    """1 / (1 - probability); broadcasts against the bits."""

    def __call__(self, x: Float32[Tensor, "*shape"]) -> Float32[Tensor, "*shape"]:
        """``x`` with what is dropped at 0 and the rest scaled; also the backward pass."""
        return self.kept(x).mul_(self.scale)

    def kept(self, x: Float32[Tensor, "*shape"]) -> Float32[Tensor, "*shape"]:
        """``x`` with what is dropped at 0 and the rest as it is."""
        return torch.bitwise_and(x.view(torch.int32), self.bits).view(torch.float32)


@dataclass(frozen=True, eq=False)
class Masks:
    """Masks of one step of a stack: each element's is a hash of its index, the site, the step and the seed.

    It depends on nothing else: in sequences padded to another length, or computed in another order, it is the same.
    """

    keys: Int32[Tensor, "members sites"]
    """Keys of :func:`site_keys`, on the device."""
    probability: DropProbability

    def tokens(self, site: int, tokens: int, width: int) -> Drop:
        """Dropout of activations, (members, tokens, width)."""
        hashed = self.keys[:, site].view(-1, 1, 1) ^ self._axis(0, tokens).view(-1, 1) ^ self._axis(1, width)
        return Drop(_bits(hashed, self.probability.thresholds.view(-1, 1, 1)), self.probability.scales.view(-1, 1, 1))

    def attention(self, site: int, group: Group, heads: int) -> Drop:
        """Dropout of attention probabilities in a group of sequences, (sequences * heads, length, length)."""
        owners, indices, length = group.owners, group.indices, group.length
        sequence = self.keys[owners, site] ^ self._axis(2, _rounded(_LARGEST_BATCH))[indices]
        head = (sequence.view(-1, 1) ^ self._axis(3, heads)).view(-1, 1, 1)
        hashed = head ^ self._axis(0, length).view(-1, 1) ^ self._axis(1, length)
        thresholds = self.probability.thresholds[owners].repeat_interleave(heads).view(-1, 1, 1)
        return Drop(_bits(hashed, thresholds), self.probability.scales[owners].repeat_interleave(heads).view(-1, 1, 1))

    def columns(self, site: int, width: int) -> Float32[Tensor, "members width"]:
        """Mask of a matrix's columns: 0, or 1 / (1 - probability)."""
        drop = self.tokens(site, 1, width)
        return drop(torch.ones(drop.bits.shape, device=drop.bits.device)).squeeze(1)

    def _axis(self, axis: int, length: int) -> Tensor:
        return _scrambled(_rounded(length), axis, str(self.keys.device))[:length]


_LARGEST_BATCH = 1 << 14


def _bits(hashed: Int32[Tensor, "*shape"], thresholds: Int32[Tensor, "*broadcast"]) -> Int32[Tensor, "*shape"]:
    """All bits set where the scrambled ``hashed``, which is used up, is not below the threshold."""
    hashed *= _FIRST
    hashed ^= hashed >> 15
    hashed *= _SECOND
    hashed >>= 1  # 31 bits, so that the difference does not overflow
    hashed -= thresholds
    hashed >>= 31
    return hashed.bitwise_not_()


def _rounded(length: int) -> int:
    """Next power of two, so that few tables are kept."""
    return 1 << max(4, (length - 1).bit_length())
