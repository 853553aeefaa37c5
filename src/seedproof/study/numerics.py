"""How the arithmetic of a study is done: what was asked for, and the defaults of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from seedproof.errors import UserError, unknown
from seedproof.spec import Numerics

WORDS: Mapping[str, tuple[str, ...]] = {
    "engine": ("plain", "fleet"),
    "precision": ("fp32", "bf16"),
    "device": ("cpu", "cuda"),
}
"""What the options of the arithmetic may be; None is the default of each."""


def choose_numerics(
    *, precision: str | None, device: str | None, threads: int | None, engine: str | None = None
) -> Numerics:
    """Numerics with the defaults where nothing is asked for: plain, fp32, one thread, a GPU where there is one.

    Raises:
        UserError: an unknown value.
    """
    check_words(engine=engine, precision=precision, device=device)
    if device is None:
        device = "cuda" if _has_gpu() else "cpu"
    check_device(device)
    return Numerics(
        engine="fleet" if engine == "fleet" else "plain",
        precision="bf16" if precision == "bf16" else "fp32",
        device=device,
        threads=threads or 1,
    )


def check_words(**given: object) -> None:
    """Refuse a word that an option of the arithmetic does not know.

    Raises:
        UserError: the nearest word is named.
    """
    for option, word in given.items():
        if word is not None and word not in WORDS[option]:
            raise unknown(option, word, WORDS[option])


def check_device(device: str) -> None:
    """Refuse a GPU where PyTorch finds none; every run would crash by itself.

    Raises:
        UserError: ``device`` is cuda, and there is none.
    """
    if device == "cuda" and not _has_gpu():
        raise UserError(
            "the device is cuda, but PyTorch finds no GPU here; use a machine that has one and PyTorch's CUDA build, or "
            "make a study for --device cpu in another folder"
        )


def default_jobs(numerics: Numerics) -> int:
    """Runs at a time: one on a GPU, on a CPU as many as the cores that this process may use hold."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if numerics.device != "cpu" else max(1, cores // numerics.threads)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
