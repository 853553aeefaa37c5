"""Token lengths like those of real tasks, for where the real files are not at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BATCH = 16
"""Batch size for which the longest example of a batch is published."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of a task's training examples in tokens of BERT's vocabulary, special ones included."""

    mean: float
    longest: float
    """Mean longest of a random batch of :data:`BATCH`, cut at ``cut``."""
    train: int
    dev: int
    """Examples."""
    cut: int = 128
    shortest: int = 4


TASKS = {
    "cola": Lengths(11.3, 20.7, 8551, 1043),
    "rte": Lengths(66.6, 126.0, 2490, 277),
    "mrpc": Lengths(53.2, 76.0, 3668, 408),
}


def draw_lengths(task: Lengths, count: int, seed: int = 0) -> np.ndarray:
    """Lengths from a log-normal law, cut at both ends, with the task's mean and mean longest, int64 (count,).

    The two parameters are found by bisection on the draws themselves; ``count`` is taken down to whole batches.
    """
    normal = np.random.default_rng(seed).standard_normal(count // BATCH * BATCH)

    def lengths(spread: float) -> np.ndarray:
        low, high = 0.0, np.log(16.0 * task.cut)
        for _ in range(40):
            middle = (low + high) / 2
            drawn = _cut(np.exp(middle + spread * normal), task)
            low, high = (middle, high) if drawn.mean() < task.mean else (low, middle)
        return _cut(np.exp(low + spread * normal), task)

    narrow, wide = 0.0, 3.0
    for _ in range(30):
        spread = (narrow + wide) / 2
        longest = lengths(spread).reshape(-1, BATCH).max(1).mean()
        narrow, wide = (spread, wide) if longest < task.longest else (narrow, spread)
    found: np.ndarray = lengths(narrow)
    return found


def _cut(lengths: np.ndarray, task: Lengths) -> np.ndarray:
    cut: np.ndarray = np.clip(np.rint(lengths), task.shortest, task.cut).astype(np.int64)
    return cut
