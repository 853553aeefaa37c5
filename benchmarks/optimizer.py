"""Time of one optimizer step: ``seedproof.AdamW`` against ``torch.optim.AdamW`` with the same foreach or fused setting.

    python benchmarks/optimizer.py [--seconds 5] [--threads 1]

Parameter sets: the many small tensors of a 24-layer BERT of width 64, the larger ones of a 6-layer BERT of width 384.
The optimizers take turns, step by step in an order that is reversed every round, and processor time is counted, so that
other work on the machine disturbs little; a ratio is taken within each round. Printed: the median time of a step, and
the median ratio to PyTorch's optimizer with the quartiles of the rounds. "default" is the optimizer of the paper's
recipe (no correction, decay of the updated weights), "as torch" the variant that computes the same bits as PyTorch's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from seedproof.training.optimizer import AdamW

IMPLEMENTATIONS: dict[str, dict[str, bool]] = {
    "single": {"foreach": False, "fused": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
WEIGHT_DECAY = 0.01


def shapes(layers: int, width: int, vocabulary: int, positions: int) -> list[tuple[int, ...]]:
    """The shapes of a BERT with pooler and a two-class head."""
    linear: list[tuple[int, ...]] = [(width, width), (width,)]
    norm: list[tuple[int, ...]] = [(width,), (width,)]
    feed_forward: list[tuple[int, ...]] = [(4 * width, width), (4 * width,), (width, 4 * width), (width,)]
    layer = 4 * linear + norm + feed_forward + norm
    embeddings: list[tuple[int, ...]] = [(vocabulary, width), (positions, width), (2, width)]
    head: list[tuple[int, ...]] = [(2, width), (2,)]
    return embeddings + norm + layers * layer + linear + head


SETS = {"24 layers x 64": shapes(24, 64, 200, 64), "6 layers x 384": shapes(6, 384, 30522, 512)}


def parameter_groups(sizes: list[tuple[int, ...]]) -> list[dict[str, object]]:
    """Fresh parameters with gradients, in a group with and one without decay."""
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.nn.Parameter(0.02 * torch.randn(size, generator=generator)) for size in sizes]
    for tensor in tensors:
        tensor.grad = 1e-3 * torch.randn(tensor.shape, generator=generator)
    matrices, vectors = ([tensor for tensor in tensors if (tensor.dim() > 1) == wanted] for wanted in (True, False))
    return [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]


def contestants(sizes: list[tuple[int, ...]], options: dict[str, bool]) -> dict[str, Callable[[], object]]:
    """The steps to time, each on its own parameters."""
    common: dict[str, Any] = {"lr": 1e-5, "betas": (0.9, 0.999), "eps": 1e-6, **options}
    return {
        "torch": torch.optim.AdamW(parameter_groups(sizes), **common).step,
        "as torch": AdamW(parameter_groups(sizes), decay="old", eps_place="after", **common).step,
        "default": AdamW(parameter_groups(sizes), bias_correction=False, **common).step,
    }


def measure(steps: dict[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """Processor seconds per step, one value for each round, after one round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    order = list(steps)
    end = time.perf_counter() + seconds
    warming = True
    while warming or time.perf_counter() < end or len(times["torch"]) < 3:
        for name in order:
            start = time.process_time()
            steps[name]()
            if not warming:
                times[name].append(time.process_time() - start)
        order.reverse()
        warming = False
    return times


def report(label: str, times: dict[str, list[float]]) -> None:
    """Print one line for each of our variants."""
    base = times["torch"]
    for name in ("as torch", "default"):
        ratios = [ours / theirs for ours, theirs in zip(times[name], base, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        milliseconds = 1e3 * statistics.median(base), 1e3 * statistics.median(times[name])
        print(
            f"{label:26} {name:9} torch {milliseconds[0]:8.3f} ms   ours {milliseconds[1]:8.3f} ms   "
            f"ratio {middle:.3f} ({low:.3f} to {high:.3f}, {len(ratios)} rounds)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each line pair")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} threads")
    for set_name, sizes in SETS.items():
        for name, options in IMPLEMENTATIONS.items():
            report(f"{set_name}, {name}", measure(contestants(sizes, options), arguments.seconds))


if __name__ == "__main__":
    main()
