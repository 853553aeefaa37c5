"""The machine that a benchmark runs on."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seedproof.machine import usable_cores

PACKAGES = ("seedproof", "torch", "transformers", "accelerate", "numpy")


def versions() -> dict[str, str | None]:
    """Versions of Python and the packages that matter; None where one is missing."""
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


def hardware(device: str) -> dict[str, Any]:
    """Processor, cores, load and, if asked for, the GPU."""
    found: dict[str, Any] = {"processor": _processor(), "cores": usable_cores(), "system": platform.platform()}
    if hasattr(os, "getloadavg"):
        found["load_before"] = round(os.getloadavg()[0], 2)
    if device == "cuda":
        import torch

        properties = torch.cuda.get_device_properties(0)
        found |= {"gpu": properties.name, "gpu_bytes": properties.total_memory}
    return found


def has_bf16() -> bool:
    """Whether this processor computes matmuls in bf16 itself."""
    import torch

    check = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "")
    flags = _cpuinfo("flags")
    return "avx512_bf16" in flags or "amx_bf16" in flags or (not flags and "SVE" in check())


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(field: str) -> str:
    try:
        found = re.search(rf"^{field}\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1).strip() if found else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
