"""This machine: what it has for runs. Asked where runs execute, which need not be where a study is started."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one machine, or every node of a cluster together, offers to runs."""

    cores: int
    """CPU cores that runs may use."""
    gpus: int = 0
    gpu_bytes: int = 0
    """Free memory of one GPU, bytes; 0 where there is none or it is not known."""


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_gpu() -> bool:
    """Whether PyTorch finds a GPU here."""
    import torch

    return torch.cuda.is_available()


def free_gpu_bytes() -> int:
    """Free memory of the current GPU, bytes.

    Raises:
        RuntimeError: there is no GPU.
    """
    import torch

    free, _ = torch.cuda.mem_get_info()
    return int(free)


def this_machine() -> Machine:
    """Cores and GPUs of this machine; the memory of a GPU is not asked for, as that would take some of it."""
    import torch

    return Machine(cores=usable_cores(), gpus=torch.cuda.device_count() if has_gpu() else 0)
