"""Lower bound of a step (roofline): its arithmetic and memory traffic, over the rates that this machine reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

TRAFFIC_BYTES = 28
"""Bytes that AdamW moves per parameter in fp32: weight, gradient and both moments read, weight and moments written."""

POINT_BYTES = 20
"""Bytes that a point of a surface moves per parameter: three models read, their mixture written and read."""

FEW = 256
TOKENS = {"cpu": 8192, "cuda": 65536}
"""Rows of the matmuls that rates are measured with: few stay in the caches, many fill a device."""

_SECONDS = 0.1
_CACHE = {"cpu": 256_000_000, "cuda": 4_000_000_000}
"""A copy is not larger than this: it must leave the caches, no more."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A BERT-like encoder with a pooler and a head."""

    layers: int
    width: int
    inner: int
    """Width of the feed-forward part."""
    labels: int
    parameters: int
    """All of them, embeddings included."""


@dataclass(frozen=True)
class Cost:
    """Arithmetic and memory traffic of one step of one run, or of one point of a surface."""

    flops: float
    bytes: float

    def seconds(self, rates: Rates) -> tuple[float, float]:
        """Arithmetic and traffic at these rates. If nothing overlaps a step takes the sum, if all does the larger."""
        return self.flops / rates.flops, self.bytes / rates.bytes


@dataclass(frozen=True)
class Rates:
    """Rates that a whole machine reaches, per second."""

    flops: float
    bytes: float
    """Read and written."""


def forward_flops(size: Size, lengths: np.ndarray) -> float:
    """FLOPs of one forward pass without padding: 2 per weight and token, plus 4 L^2 width per layer for attention.

    The rest is small. Pooler and head see the first token of a sequence alone, so the last layer is counted for that token
    alone, but for the keys and values of all.

    Args:
        size: of the model.
        lengths: of the sequences in tokens, int (sequences,).
    """
    width, tokens, sequences = size.width, float(lengths.sum()), len(lengths)
    layer = 4 * width * width + 2 * width * size.inner
    keys_and_values = 2 * width * width
    last = keys_and_values * tokens + (layer - keys_and_values) * sequences
    head = sequences * (width * width + width * size.labels)
    squared = float(np.square(lengths.astype(float)).sum())
    attention = 4.0 * width * ((size.layers - 1) * squared + tokens)
    return 2.0 * ((size.layers - 1) * layer * tokens + last + head) + attention


def step_cost(size: Size, lengths: np.ndarray) -> Cost:
    """Cost of a training step: the backward pass has twice the FLOPs of the forward pass; and the optimizer's traffic."""
    return Cost(3.0 * forward_flops(size, lengths), float(TRAFFIC_BYTES * size.parameters))


def point_cost(size: Size, lengths: np.ndarray) -> Cost:
    """Cost of the loss at a point of a surface."""
    return Cost(forward_flops(size, lengths), float(POINT_BYTES * size.parameters))


def measure_rates(size: Size, tokens: int, members: int, precision: str, device: str) -> Rates:
    """Rates that this process reaches now.

    The FLOPs are those of matmuls of the feed-forward part's shape, for few tokens, for a member's and for all members'
    (the best); the bytes those of copies as large as the members' weights and moments, as far as these leave the caches.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    flops = 0.0
    most = max(1, min(members, TOKENS[device] // tokens))
    for count, rows in {(1, min(tokens, FEW)), (1, tokens), (most, tokens)}:
        left = torch.ones(count, rows, size.width, dtype=dtype, device=device)
        right = torch.ones(count, size.width, size.inner, dtype=dtype, device=device)
        out = torch.empty(count, rows, size.inner, dtype=dtype, device=device)
        seconds = _seconds_of_one(lambda a=left, b=right, c=out: torch.bmm(a, b, out=c), device)  # type: ignore[misc]
        flops = max(flops, 2.0 * count * rows * size.width * size.inner / seconds)
    elements = min(4 * size.parameters * members, _CACHE[device]) // 4
    source, target = torch.ones(elements, device=device), torch.empty(elements, device=device)
    return Rates(flops, 8.0 * elements / _seconds_of_one(lambda: target.copy_(source), device))


def _seconds_of_one(call: Callable[[], object], device: str) -> float:
    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    call()
    wait()
    calls, start = 0, time.perf_counter()
    batch = 1
    while (passed := time.perf_counter() - start) < _SECONDS:
        for _ in range(batch):
            call()
        wait()
        calls += batch
        batch = 2 * batch if passed < _SECONDS / 8 else batch
    return passed / calls
