"""What a measurement does unless it is told otherwise."""

from __future__ import annotations

from seedproof.errors import UserError
from seedproof.machine import has_gpu, usable_cores


def chosen_device(device: str | None) -> str:
    """``device``; where that is None, ``cuda`` where there is a GPU, else ``cpu``.

    Raises:
        UserError: PyTorch has no such device, or finds none here.
    """
    import torch

    if device is None:
        return "cuda" if has_gpu() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise UserError(f"the device {device!r} is not valid; give cpu or cuda") from None
    if kind == "cuda" and not has_gpu():
        raise UserError(f"the device {device!r} is not there: PyTorch finds no GPU here; give cpu, or leave it out")
    return device


def default_jobs(device: str) -> int:
    """Processes at a time: one per core that this process may use; one on a GPU."""
    return usable_cores() if device == "cpu" else 1


def say_nothing(done: int, of: int) -> None:
    """Progress that nobody wants to hear about."""
