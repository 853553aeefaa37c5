"""What a measurement does unless it is told otherwise."""

from __future__ import annotations

from seedproof.machine import has_gpu, usable_cores


def default_device() -> str:
    """``cuda`` where there is a GPU, else ``cpu``."""
    return "cuda" if has_gpu() else "cpu"


def default_jobs(device: str) -> int:
    """Processes at a time: one per core that this process may use; one on a GPU."""
    return usable_cores() if device == "cpu" else 1


def say_nothing(done: int, of: int) -> None:
    """Progress that nobody wants to hear about."""
