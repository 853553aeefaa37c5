"""What changes the last bits of a run and is no part of its id: the processor's instructions, versions, and variables.

PyTorch and its libraries choose their kernels by what the processor can do, and environment variables bend that choice. The
variables are kept with the study when it first runs, and all its workers get those; the rest is recorded with each attempt
and result, and when a run goes on, or is done again, under another environment, that is said.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from seedproof.errors import UserError
from seedproof.store.documents import read_document, write_document

FILE = "environment.json"

VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_CPU_ISA_HINTS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_DYNAMIC",
    "OMP_DYNAMIC",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
)
"""Environment variables that PyTorch, oneDNN, MKL, OpenMP, OpenBLAS, NumPy and CUDA read, and that change bits."""

ON_A_GPU: Mapping[str, str] = MappingProxyType({"CUBLAS_WORKSPACE_CONFIG": ":4096:8"})
"""Variables that runs on a GPU set themselves where they are not set (:func:`seedproof.execution.plain.configure_process`)."""

PACKAGES = ("torch", "transformers", "tokenizers", "numpy")
"""Packages whose version may change bits."""

Environment = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that executes runs, for their records: where it is, and its environment."""

    host: str
    pid: int
    python: str
    seedproof: str
    """Version of this package."""
    environment: Environment

    @classmethod
    def here(cls) -> Self:
        """This process."""
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            python=platform.python_version(),
            seedproof=version("seedproof"),
            environment=present(),
        )


def present() -> dict[str, Any]:
    """The environment of this process, for the records of what it computes."""
    found: dict[str, Any] = {"processor": platform.processor() or platform.machine()}
    if (torch := sys.modules.get("torch")) is not None:  # a process without it computes no run
        found["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    return found | {f"version_{package}": version(package) for package in PACKAGES} | {"variables": _variables()}


def difference(before: Environment, now: Environment) -> str:
    """What differs between two environments, in words; empty where nothing does that both know of.

    >>> difference({"cpu_capability": "AVX2", "variables": {}}, {"cpu_capability": "AVX512", "variables": {"MKL_CBWR": "AVX2"}})
    'CPU capability AVX2, now AVX512; MKL_CBWR not set, now AVX2'
    """
    names = [name for name in now if name in before and name != "variables"]
    pairs = [(_words(name), before[name], now[name]) for name in names]
    if "variables" in before and "variables" in now:
        old, new = _as_others_set_them(before["variables"]), _as_others_set_them(now["variables"])
        pairs += [(name, old.get(name, "not set"), new.get(name, "not set")) for name in sorted({*old, *new})]
    return "; ".join(f"{name} {old}, now {new}" for name, old, new in pairs if old != new)


def pinned(store: Path) -> dict[str, str]:
    """The variables that all workers of a study get: those that were set when it first ran; they are kept from then on.

    Raises:
        UserError: their file is damaged.
    """
    path = store / FILE
    try:
        kept = read_document(path, fix="remove it to take the variables of this shell").get("variables")
    except FileNotFoundError:
        kept = _variables()
        write_document(path, {"variables": kept})
    if not isinstance(kept, dict) or not all(n in VARIABLES and isinstance(v, str) for n, v in kept.items()):
        raise UserError(
            f"{path} is damaged: it may set {', '.join(VARIABLES)} alone; remove it to take those of this shell"
        )
    return kept


def of_workers(variables: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Variables of worker processes of a study, and what to say where this shell has others."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | dict(variables)
    differing = differing_variables(variables)
    if not differing:
        return environment, ""
    return environment, (
        f"the workers of this study run with the variables that were set when it first ran, not with those of this shell "
        f"({differing}), so that its runs stay the same bits; {FILE} in its folder has them"
    )


def differing_variables(variables: Mapping[str, str]) -> str:
    """Variables of this process that are not as in a study, in words; empty where all are."""
    return difference({"variables": _variables()}, {"variables": variables})


def _as_others_set_them(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables without those that a run has set as every run does: of the first run of a process they are seen before that."""
    return {name: value for name, value in variables.items() if value != ON_A_GPU.get(name)}


def _variables() -> dict[str, str]:
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def _words(name: str) -> str:
    return "CPU capability" if name == "cpu_capability" else name.removeprefix("version_")
