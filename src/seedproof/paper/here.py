"""What a reproduction would meet on this machine: what is missing, and how fast the machine is, measured."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from seedproof.errors import UserError
from seedproof.paper.figure import Figure
from seedproof.paper.paths import Paths
from seedproof.paper.scale import Scale
from seedproof.tasks.glue import GLUE, PREFIX

PAPER_RATE = 20e12
"""Operations a second that the paper's scale takes for its seconds of a step (see its ``machine``)."""
SHARE_OF_RATE = 0.5
"""Fraction of the rate of a large matmul that training reaches; an assumption."""
FLEET_GAIN = 1.8
"""Speed-up of the fleet over the plain engine on a CPU, on the miniatures: 57.5 to 31.2 ms a step (docs/performance.md)."""
_SIDE = 1024


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast this machine is."""

    factor: float
    """Its seconds for a second of the scale's own estimates, with the plain engine."""
    source: str
    """What that was taken from, in words."""


def missing(figures: Sequence[Figure], scale: Scale, paths: Paths) -> list[str]:
    """The data, models and text that figures need and this machine does not have, each with what to give for it."""
    blocks = [block for figure in figures for block in figure.blocks(scale)]
    tasks = dict.fromkeys(scale.task(block.task).name for block in blocks)
    lines = [
        f"data of {name}: not here; give --data-dir, or the hub is asked for it"
        for name in tasks
        if name.startswith(PREFIX) and not _has_task(name.removeprefix(PREFIX), paths)
    ]
    for role in dict.fromkeys(block.model for block in blocks):
        name = scale.model(role).name
        if not _has_model(scale, role, paths):
            lines.append(
                f"model {name}: not here; give --model {name}=FOLDER or --models-dir, or the hub is asked for it"
            )
    needs_text = any(figure.name == "fig2" for figure in figures) and not scale.is_miniature
    if needs_text and paths.text is None and not (_cache("datasets") / "Salesforce___wikitext").is_dir():
        lines.append("text for forgetting (WikiText-2): not here; give --text, or the hub is asked for it")
    return lines


def _has_task(name: str, paths: Paths) -> bool:
    if paths.data_dir is not None:
        return (paths.data_dir / GLUE[name].folder).is_dir()
    return (_cache("datasets") / "nyu-mll___glue" / name).is_dir()


def _has_model(scale: Scale, role: str, paths: Paths) -> bool:
    name = scale.model(role).name
    if name.startswith("miniature/"):
        return True
    try:
        given = paths.model(scale, role)
    except UserError:
        return False
    if given != name or Path(given).is_dir():
        return (Path(given) / "config.json").is_file()
    return any((_cache("hub") / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/config.json"))


def _cache(kind: str) -> Path:
    """Where the libraries of the hub keep what they loaded: ``datasets``, or ``hub`` for models."""
    own = {"datasets": "HF_DATASETS_CACHE", "hub": "HF_HUB_CACHE"}[kind]
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get(own) or Path(home) / kind)


def speed(scale: Scale, device: str) -> Speed:
    """Time this machine: real steps of a miniature, or for the large models a matmul."""
    if scale.is_miniature:
        seconds, steps = _miniature_step(scale.task("rte").name, scale.model("bert").name, device)
        source = (
            f"{1000 * seconds:.3g} ms that a step of {scale.model('bert').name} took here just now (median of {steps}, alone, by "
            "the plain engine)"
        )
        return Speed(factor=seconds / scale.model("bert").seconds_per_step, source=source)
    rate = _matrix_rate(device)
    source = f"half of the {rate / 1e12:.2g} TFLOP/s that a large matmul in fp32 reached here just now"
    return Speed(factor=PAPER_RATE / (SHARE_OF_RATE * rate), source=source)


@lru_cache
def _miniature_step(task: str, model: str, device: str) -> tuple[float, int]:
    from seedproof.execution.timing import time_steps
    from seedproof.study.study import Study

    study = Study("speed", tasks=[task], models=[model], seeds=1, device=device, engine="plain")
    planned = study.plan(study.numerics())
    timed = time_steps(planned.runs[0].spec, planned.tasks[0], planned.sources[0])
    return timed.seconds, timed.steps


@lru_cache
def _matrix_rate(device: str) -> float:
    """Operations a second of a matmul of one thread, or of a GPU, the best of five."""
    import torch

    def now() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        side = _SIDE if device == "cpu" else 8 * _SIDE
        matrix = torch.ones(side, side, device=device)
        times = []
        for _ in range(6):
            started = now()
            matrix @ matrix
            times.append(now() - started)
    finally:
        torch.set_num_threads(threads)
    return 2 * side**3 / min(times[1:])
