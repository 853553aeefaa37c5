"""This machine: what it has for runs. Asked where runs execute, which need not be where a study is started."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
"""Where Linux tells the limits of control groups, which containers and batch systems set."""
OWN_GROUPS = Path("/proc/self/cgroup")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one machine, or every node of a cluster together, offers to runs."""

    cores: int
    """CPU cores that runs may use."""
    gpus: int = 0
    gpu_bytes: int = 0
    """Free memory of one GPU, bytes; 0 where there is none or it is not known."""


def usable_cores() -> int:
    """CPU cores that this process may use: those that it may run on, or as many as a quota of processor time is worth, where
    that is less (``docker run --cpus 2`` shows all cores of the machine)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([cores, *(max(1, math.ceil(quota)) for quota in _quotas())])


def _quotas() -> Iterator[float]:
    """Processor time that the control groups of this process may use, in cores; none where they have no limit."""
    for folder in _groups():
        with suppress(OSError, ValueError, ZeroDivisionError):  # another system, or a group without a limit
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        with suppress(OSError, ValueError, ZeroDivisionError):  # version 1; -1: no limit
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if int(quota) > 0:
                yield int(quota) / int(period)


def _groups() -> Iterator[Path]:
    """Folders of the control groups of this process and of those around them, of both versions; a container sees its own group
    as the root."""
    lines = [":cpu:/", "::/"]
    with suppress(OSError):
        lines += OWN_GROUPS.read_text().splitlines()
    found: dict[Path, None] = {}
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if not kinds or "cpu" in kinds.split(","):
            own = GROUPS / ("cpu" if kinds else "") / path.lstrip("/")
            found |= dict.fromkeys(folder for folder in (own, *own.parents) if folder.is_relative_to(GROUPS))
    yield from found


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
