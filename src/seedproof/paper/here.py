"""What a reproduction would meet on this machine: what is missing, and how fast the machine is, measured."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seedproof.errors import UserError
from seedproof.paper.figure import Figure
from seedproof.paper.paths import Paths
from seedproof.paper.scale import Scale
from seedproof.tasks import load_task
from seedproof.tasks.glue import GLUE, PREFIX

if TYPE_CHECKING:
    from seedproof.spec import Numerics
    from seedproof.tasks import Task

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
    by_task: Mapping[str, float] = field(default_factory=dict)
    """The factor on tasks whose own steps were timed, by their names."""

    def of(self, task: str) -> float:
        """The factor of runs on a task."""
        return self.by_task.get(task, self.factor)


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
    if Path(given).is_dir():
        return (Path(given) / "config.json").is_file()
    return any((_cache("hub") / f"models--{given.replace('/', '--')}" / "snapshots").glob("*/config.json"))


def _cache(kind: str) -> Path:
    """Where the libraries of the hub keep what they loaded: ``datasets``, or ``hub`` for models."""
    own = {"datasets": "HF_DATASETS_CACHE", "hub": "HF_HUB_CACHE"}[kind]
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get(own) or Path(home) / kind)


def speed(scale: Scale, numerics: Numerics, paths: Paths, tasks: Sequence[str] = ()) -> Speed:
    """Time this machine: real steps of a miniature, or of a model of one's own on data that are here; else a matmul.

    Args:
        scale: of the reproduction.
        numerics: of its runs.
        paths: where its data are.
        tasks: roles of the tasks that it runs on.
    """
    device = numerics.device
    here = [role for role in tasks if _is_downloaded(scale, role, paths)]
    if scale.model("bert").folder is not None and here:
        return _own_speed(scale, numerics, paths, here)
    if scale.rate is None:
        seconds, steps = _miniature_step(scale.task("rte").name, scale.model("bert").name, device)
        source = (
            f"{1000 * seconds:.3g} ms that a step of {scale.model('bert').name} took here just now (median of {steps}, alone, by "
            "the plain engine)"
        )
        return Speed(factor=seconds / scale.model("bert").seconds_per_step, source=source)
    rate = _matrix_rate(device)
    source = f"half of the {rate / 1e12:.2g} TFLOP/s that a large matmul in fp32 reached here just now"
    return Speed(factor=scale.rate / (SHARE_OF_RATE * rate), source=source)


def _is_downloaded(scale: Scale, role: str, paths: Paths) -> bool:
    """Whether a task's data are in a folder that the user gave, so that no network is asked."""
    name = scale.task(role).name
    return paths.data_dir is not None and name.startswith(PREFIX) and _has_task(name.removeprefix(PREFIX), paths)


def _own_speed(scale: Scale, numerics: Numerics, paths: Paths, roles: Sequence[str]) -> Speed:
    """Steps of the model that the user gave, timed on each task by itself: their texts are not equally long."""
    known, times = scale.model("bert"), {}
    precision: Literal["fp32", "bf16"] = "bf16" if numerics.precision == "bf16" else "fp32"  # only a Trainer has fp16
    for role in roles:
        name = scale.task(role).name
        task = load_task(name, data_dir=paths.data_dir)
        times[name] = _step(task, paths.model(scale, "bert"), numerics.device, precision)
    said = ", ".join(f"{seconds:.2g} s on {name}" for name, (seconds, _) in times.items())
    steps = min(steps for _, steps in times.values())
    return Speed(
        factor=next(iter(times.values()))[0] / known.seconds_per_step,
        source=f"a step of {known.name} took here just now {said} (median of {steps}, alone, by the plain engine, which pads; "
        "the fleet does not)",
        by_task={name: seconds / known.seconds_per_step for name, (seconds, _) in times.items()},
    )


@lru_cache
def _miniature_step(task: str, model: str, device: str) -> tuple[float, int]:
    return _step(task, model, device, "fp32")


def _step(task: Task | str, model: str, device: str, precision: Literal["fp32", "bf16"]) -> tuple[float, int]:
    """Median seconds of the first steps of the default recipe, and how many they were."""
    from seedproof.execution.timing import time_steps
    from seedproof.study.study import Study

    study = Study("speed", tasks=[task], models=[model], seeds=1, device=device, engine="plain", precision=precision)
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
