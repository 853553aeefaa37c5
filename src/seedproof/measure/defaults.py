"""What a measurement does unless it is told otherwise."""

from __future__ import annotations

import os


def default_device() -> str:
    """``cuda`` where there is a GPU, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def default_jobs(device: str) -> int:
    """Processes at a time: one per core that this process may use; one on a GPU."""
    if device != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say_nothing(done: int, of: int) -> None:
    """Progress that nobody wants to hear about."""
