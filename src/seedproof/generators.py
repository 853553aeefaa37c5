"""PyTorch's default generators for a while: what is drawn inside moves none of the caller's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_generators(device: torch.device | str = "cpu", seed: int | None = None) -> Iterator[None]:
    """Put the generators of the processor and of ``device`` back as they were, at the end.

    Other GPUs are neither read nor seeded: to ask a generator takes memory on its GPU, half a gigabyte on some, and most
    of what is drawn, the weights of a model, is drawn on the processor.

    Args:
        device: where something is drawn, beside the processor.
        seed: of both; None: they go on from where they are.
    """
    device = torch.device(device)
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            for gpu in gpus:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(seed)
        yield
