"""What runs will take on this machine: a few real steps of each kind are timed, everything else is counted."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seedproof.execution.counting import run_bytes, run_seconds
from seedproof.execution.plain import configure_process, plain_engine, prepare, settings_restored
from seedproof.execution.recording import Recording
from seedproof.models.source import ModelSource
from seedproof.probes.early import Early
from seedproof.recipes import from_json
from seedproof.spec import RunSpec
from seedproof.tasks import Task
from seedproof.training.plan import make_plan

STEPS, SECONDS = 8, 4.0
"""Most steps of a kind that are timed, and about how long at most; of a slower model two."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A few steps of one kind of run, by the plain engine."""

    seconds: float
    """Median seconds of a step; the first is left out."""
    steps: int
    parameters: int
    tensors: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What runs will take."""

    seconds: float
    """Seconds of all of them, one after another by the plain engine."""
    disk_bytes: float
    runs: int
    """How many they are."""
    timed: tuple[Timed, ...]


def estimate_runs(
    runs: Iterable[RunSpec], tasks: Iterable[Task], sources: Iterable[ModelSource], recording: Recording
) -> Estimate:
    """Time a few steps of each pair of task and model, and count the steps, evaluations and records of all runs.

    Args:
        runs: those that are to be run.
        tasks: theirs.
        sources: their models.
        recording: what they record and keep.
    """
    data = {task.fingerprint: task for task in tasks}
    models = {source.fingerprint: source for source in sources}
    timed: dict[tuple[Any, ...], Timed] = {}
    runs, seconds, disk = list(runs), 0.0, 0.0
    for spec in runs:
        task = data[spec.task.fingerprint]
        recipe = from_json(spec.recipe)
        methods = tuple(method.reference() for method in recipe.methods)
        kind = (task.fingerprint, spec.model.fingerprint, methods, recipe.batch_size, recipe.max_length)
        if kind not in timed:
            timed[kind] = time_steps(spec, task, models[spec.model.fingerprint], recording)
        plan = make_plan(recipe, spec.seeds, len(task.train), recording.evaluations, recording.evaluation_at)
        looks = recording.evaluations or math.ceil(plan.steps / plan.steps_per_epoch)
        dev = sum(len(split) for split in task.evaluation_splits.values())
        seconds += run_seconds(timed[kind].seconds, plan.steps, looks, dev, recipe.batch_size)
        disk += run_bytes(
            plan.steps,
            looks,
            norms=_norms(plan.steps, recording.probes),
            tensors=timed[kind].tensors,
            logits=dev * max(1, len(task.classes)),
            parameters=timed[kind].parameters,
            keeps_weights=recording.weights,
        )
    return Estimate(seconds=seconds, disk_bytes=disk, runs=len(runs), timed=tuple(timed.values()))


def _norms(steps: int, probes: Mapping[str, int]) -> float:
    """How often a run of this length records a float32 norm for every tensor; of the first steps one takes half of that."""
    gradients = steps // every + 1 if (every := probes.get("gradients")) else 0
    first = min(steps, Early.first) // every / 2 if (every := probes.get("early")) else 0.0
    return gradients + first


def time_steps(spec: RunSpec, task: Task, source: ModelSource, recording: Recording | None = None) -> Timed:
    """Time the first steps of a run by the plain engine, from the real model and data, with what is recorded of a step."""
    recording = dataclasses.replace(recording or Recording(), evaluations=1, evaluation_at=None)
    with settings_restored():
        configure_process(spec.numerics)
        engine = plain_engine(spec, prepare(spec, task, source, recording))
        times, last = [], time.monotonic()
        for _ in engine.run():
            now = time.monotonic()
            if engine.step:
                times.append(now - last)
            last = now
            if len(times) > STEPS or (len(times) > 1 and sum(times) > SECONDS):
                break
    kept = times[1:] or times
    sizes = [parameter.numel() for parameter in engine.model.parameters()]
    return Timed(seconds=statistics.median(kept), steps=len(kept), parameters=sum(sizes), tensors=len(sizes))
