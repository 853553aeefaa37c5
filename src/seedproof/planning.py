"""Planning a study: every combination of task, model, recipe and seed as a run, checked before anything is run."""

from __future__ import annotations

import dataclasses
import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError, unknown
from seedproof.models.source import ModelSource, find_model
from seedproof.recipes import Recipe, Resolved, from_json
from seedproof.spec import Numerics, RunSpec, Seeds
from seedproof.store import Cell, Store
from seedproof.tasks import Task, load_task

if TYPE_CHECKING:
    from transformers import PretrainedConfig

TaskLike = Task | str | os.PathLike[str] | Mapping[str, Any]
"""A task, its name or path, or ``load_task``'s arguments with the name under ``name``, or the path under ``file`` (then
``name`` is what to call it)."""


@dataclass(frozen=True)
class PlannedRun:
    """One cell of a study with all that makes its run."""

    cell: Cell
    spec: RunSpec
    kept: tuple[str, ...] = ()
    """Fields of the recipe that hold the value of the study it extends, where a study made today would have another."""


@dataclass(frozen=True)
class PlannedStudy:
    """What a study runs, and what it loaded to know that."""

    runs: list[PlannedRun]
    tasks: list[Task]
    sources: list[ModelSource]


def plan_runs(tasks: Sequence[TaskLike], models: Sequence[str | os.PathLike[str]],
              resolve_for: Callable[[ModelSource], list[Resolved]], seeds: Sequence[Seeds],
              numerics: Numerics) -> PlannedStudy:  # fmt: skip
    """Plan every run in order (task, model, recipe, seed).

    Raises:
        UserError: a task or a model cannot be found or used, two recipes have one name and differ.
    """
    loaded = _distinctly_named([as_task(task) for task in tasks])
    sources = [find_model(os.fspath(name)) for name in models]
    runs = []
    for task in loaded:
        for source in sources:
            recipes = _distinct(resolve_for(source))
            config = _check_usable(task, source, {resolved.recipe.max_length for resolved in recipes})
            for resolved in recipes:
                recipe = resolved.recipe.to_json()
                for each in seeds:
                    spec = RunSpec(task=task.reference(), model=source.reference(), recipe=recipe, seeds=each,
                                   numerics=_fitting(numerics, config, resolved.recipe))  # fmt: skip
                    runs.append(PlannedRun(Cell.of(spec), spec))
    return PlannedStudy(runs, loaded, sources)


def as_task(task: TaskLike) -> Task:
    """Load a task that is given by name."""
    if isinstance(task, Task):
        return task
    if isinstance(task, (str, os.PathLike)):
        return load_task(os.fspath(task))
    options = dict(task)
    if "stored" in options:
        return Task.read(options["stored"])
    place = options.pop("file", None) or options.pop("name", None)
    if place is None:
        raise UserError(f"the task {dict(task)} has neither a name nor a file")
    try:
        return load_task(place, **options)
    except TypeError:
        known = ("name", "file", "data_dir", "dev", "text", "text_pair", "label", "kind", "split_seed")
        wrong = next((key for key in options if key not in known), None)
        if wrong is None:
            raise
        raise unknown("key", wrong, known, where=f"task {place!r}") from None


def as_seeds(seeds: int | Iterable[int | Seeds]) -> tuple[Seeds, ...]:
    """The seeds of a study: a number n stands for 0 to n - 1.

    Raises:
        UserError: none, one of them twice, or something that is no whole number.
    """
    if isinstance(seeds, bool) or (isinstance(seeds, int) and seeds < 1):
        raise UserError(f"seeds = {seeds!r} is not valid; give how many (at least 1) or a list")
    if isinstance(seeds, str) or not isinstance(seeds, (int, Iterable)):
        raise UserError(f"seeds = {seeds!r} is not valid; give how many (at least 1) or a list")
    listed = range(seeds) if isinstance(seeds, int) else seeds
    values = tuple(seed if isinstance(seed, Seeds) else Seeds.from_number(_as_number(seed)) for seed in listed)
    if not values:
        raise UserError("the list of seeds is empty; give at least one")
    if len(set(values)) < len(values):
        raise UserError("the list of seeds has one of them twice; every seed is one run")
    return values


def _as_number(seed: object) -> int:
    """A seed as a plain int, numpy's too."""
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise UserError(
            f"the seed {seed!r} is not valid; give whole numbers, or Seeds(head=..., order=..., dropout=...)"
        )
    number = int(seed)
    if not 0 <= number < 2**63:  # what PyTorch's generators take
        raise UserError(f"the seed {number} is not valid; give a number from 0 to 2^63 - 1")
    return number


def _distinctly_named(tasks: list[Task]) -> list[Task]:
    """Refuse two tasks of different content under one name: no table could tell them apart."""
    fingerprints: dict[str, str] = {}
    for task in tasks:
        if fingerprints.setdefault(task.name, task.fingerprint) != task.fingerprint:
            raise UserError(
                f"two tasks of the study are called {task.name!r} and hold different data; give one of them another name: "
                f'rename its file, or write name = "..." beside file = "..." (load_task(..., name=...) in Python)'
            )
    return tasks


def _fitting(numerics: Numerics, config: PretrainedConfig, recipe: Recipe) -> Numerics:
    """The plain engine in place of the fleet for what a fleet does not know: another architecture, a recipe with hooks."""
    from seedproof.training.fleet import fits_fleet

    if numerics.engine == "fleet" and not fits_fleet(config, recipe):
        return dataclasses.replace(numerics, engine="plain")
    return numerics


def _check_usable(task: Task, source: ModelSource, max_lengths: set[int]) -> PretrainedConfig:
    """Refuse, before anything runs, a model that cannot classify and a text that is too long for it."""
    from seedproof.models.loading import load_configuration, load_tokenizer
    from seedproof.models.tokens import tokenize

    config = load_configuration(source)
    tokenizer = load_tokenizer(source)
    longest = max(max_lengths)
    if source.positions is not None and longest > source.positions:
        for name, split in {"train": task.train, **task.evaluation_splits}.items():
            tokenize(split, tokenizer, max_length=longest, positions=source.positions, where=f"{task.name}, {name}:")
    return config


def _distinct(recipes: list[Resolved]) -> list[Resolved]:
    """Refuse two recipes under one name: no table could tell them apart."""
    names = [resolved.recipe.name for resolved in recipes]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two recipes of the study are called {name!r}; give one of them a label of its own")
    return recipes


def fit_into(store: Store, runs: list[PlannedRun]) -> list[PlannedRun]:
    """Name the runs as an existing study does, and refuse those whose names mean something else there.

    Raises:
        UserError: a recipe's name stands for other settings in the store.
    """
    named = _with_kept_recipes(store, _with_known_names(store, runs))
    _check_labels(store, named)
    return named


def _with_known_names(store: Store, runs: list[PlannedRun]) -> list[PlannedRun]:
    """Weights that the study has already keep the name they have there, by whatever path they are given now."""
    cells = {cell.model: cell for cell in reversed(store.cells())}
    names = {store.run(cell.id).spec.model.fingerprint: name for name, cell in cells.items()}
    return [
        PlannedRun(dataclasses.replace(run.cell, model=names.get(run.spec.model.fingerprint, run.cell.model)), run.spec)
        for run in runs
    ]


def _with_kept_recipes(store: Store, runs: list[PlannedRun]) -> list[PlannedRun]:
    """A recipe that the study has keeps what it meant there in fields that came later (``Recipe.ADDED``).

    Else more seeds of an older study would stand in a row of their own, or in one row with runs of another kind.
    """
    cells = {(cell.model, cell.recipe): cell for cell in reversed(store.cells())}
    kept = {key: store.run(cell.id).spec for key, cell in cells.items()}
    return [_keeping(kept.get((run.cell.model, run.cell.recipe)), run) for run in runs]


def _keeping(stored: RunSpec | None, run: PlannedRun) -> PlannedRun:
    if stored is None or stored.model.fingerprint != run.spec.model.fingerprint or stored.recipe == run.spec.recipe:
        return run
    before, now = from_json(stored.recipe), from_json(run.spec.recipe)
    differing = tuple(name for name in now.field_types() if getattr(before, name, None) != getattr(now, name))
    if type(before) is not type(now) or not set(differing) <= set(now.ADDED):
        return run  # another recipe under this name, which is refused
    spec = dataclasses.replace(run.spec, recipe=before.to_json())
    return PlannedRun(dataclasses.replace(run.cell, id=spec.id), spec, differing)


def _check_labels(store: Store, runs: list[PlannedRun]) -> None:
    """A name in the study's tables must not come to mean another recipe when the study is extended."""
    known = {(cell.task, cell.model, cell.recipe, cell.seed): cell.id for cell in store.cells()}
    for run in runs:
        cell = run.cell
        earlier = known.get((cell.task, cell.model, cell.recipe, cell.seed))
        if earlier is not None and earlier != cell.id:
            raise UserError(
                f"the study in {store.path} already has {cell.recipe!r} on {cell.task} with {cell.model} and seed "
                f"{cell.seed}, with other settings, data or weights; choose another folder, or give what differs another name: "
                f"a recipe with settings is written {cell.recipe.split('(')[0]}(learning_rate=3e-5), for example"
            )
