"""Planning a study: every combination of task, model, recipe and seed as a run, checked before anything is run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from seedproof.errors import UserError
from seedproof.models.source import ModelSource, find_model
from seedproof.probes import make_probes
from seedproof.recipes import Recipe, Resolved
from seedproof.recipes.base import FIRST
from seedproof.recipes.resolve import CARD_FIELDS
from seedproof.spec import Numerics, RunSpec, Seeds
from seedproof.store import Cell
from seedproof.store.names import base_of
from seedproof.study.given import TaskLike, load_tasks
from seedproof.tasks import Task
from seedproof.tasks.parsing import Parsing
from seedproof.training.plan import count_steps

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from seedproof.probes.base import Probe


@dataclass(frozen=True)
class PlannedRun:
    """One cell of a study with all that makes its run."""

    cell: Cell
    spec: RunSpec
    asked: frozenset[str] = frozenset()
    """Settings of ``Recipe.added`` and ``CARD_FIELDS`` that somebody asked for, and the methods; the others have what is right
    for the model today, by what it is and by its card."""
    plain_because: str = ""
    """Why the run has the plain engine where the fleet was asked for; empty where it has what was asked for."""
    kept: tuple[str, ...] = ()
    """Fields of the recipe, and ``engine plain``, that hold the value of the study it extends, where a study made today
    would have another."""


@dataclass(frozen=True)
class PlannedStudy:
    """What a study runs, and what it loaded to know that."""

    runs: list[PlannedRun]
    tasks: list[Task]
    sources: list[ModelSource]


def plan_runs(
    tasks: Sequence[TaskLike],
    models: Sequence[str | os.PathLike[str]],
    resolve_for: Callable[[ModelSource], list[Resolved]],
    seeds: Sequence[Seeds],
    numerics: Numerics,
    parsing: Mapping[str, Parsing] = MappingProxyType({}),
    stored: Path | None = None,
    recordings: Mapping[str, int] = MappingProxyType({}),
) -> PlannedStudy:
    """Plan every run in order (task, model, recipe, seed).

    Args:
        tasks: each is loaded.
        models: each is found.
        resolve_for: the recipes of a model.
        seeds: of the runs.
        numerics: of all runs, but that what no fleet knows has the plain engine.
        parsing: rules by which tasks of these names are parsed, in place of today's.
        stored: folder with the tasks of the study that is extended; they keep the metric that judges them.
        recordings: every how many looks each probe records.

    Raises:
        UserError: a task or a model cannot be found or used, two recipes have one name and differ, a stored task is asked
            to be judged by another metric, one is judged by a metric that says nothing on its development set, or the engine of
            a run cannot make one of the recordings.
    """
    probes = make_probes(recordings)
    loaded = load_tasks(tasks, parsing, stored)
    sources = [find_model(os.fspath(name)) for name in models]
    runs = []
    for task in loaded:
        task.judge.check_defined(task.dev.labels, f"task {task.name!r}")  # before anything is trained
        for source in sources:
            recipes = _distinct(resolve_for(source))
            config = _check_usable(task, source, {resolved.recipe.max_length for resolved in recipes})
            for resolved in recipes:
                count_steps(resolved.recipe, len(task.train))
                recipe = _selecting(resolved.recipe, task).to_json()
                asked = _asked(resolved)
                fitting, why = _fitting(numerics, config, resolved.recipe, probes)
                for each in seeds:
                    spec = RunSpec(
                        task=task.reference(), model=source.reference(), recipe=recipe, seeds=each, numerics=fitting
                    )
                    runs.append(PlannedRun(Cell.of(spec), spec, asked, why))
    return PlannedStudy(runs, loaded, sources)


def _is_same(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes differ in nothing but the order in which their names tell methods."""
    if base_of(one.name) != base_of(other.name) or sorted(one.name.split(" + ")) != sorted(other.name.split(" + ")):
        return False
    return dataclasses.replace(one, name=other.name) == other


def notes_on_engines(runs: Iterable[PlannedRun]) -> list[str]:
    """Which recipes and models have the plain engine though the fleet was asked for, and why; a sentence each."""
    told = dict.fromkeys((run.cell.recipe, run.cell.model, run.plain_because) for run in runs if run.plain_because)
    return [f"{recipe}, {model}: trains with the plain engine, as {why}" for recipe, model, why in told]


def _asked(resolved: Resolved) -> frozenset[str]:
    """What somebody asked for among the settings that the model decides or that came later, and the methods."""
    recipe = resolved.recipe
    later = recipe.added()
    given = {name for name in (*later, *CARD_FIELDS) if resolved.origins[name] in ("user", "recipe")}
    of_methods = {method.key(name) for method in recipe.methods for name in method.field_types()}
    return frozenset(given | (of_methods - later.keys()) | ({"methods"} if recipe.methods else set()))


def _selecting(recipe: Recipe, task: Task) -> Recipe:
    """The recipe with the metric by which it selects the best weights; ``first`` where nothing or the first one selects."""
    if recipe.select != "best":
        return dataclasses.replace(recipe, select_metric=FIRST)
    asked = recipe.select_metric
    chosen = task.metric if asked in (None, FIRST) else task.find_metric(str(asked)).name
    if chosen not in task.majority:
        recorded = ", ".join(task.majority)
        raise UserError(
            f"select_metric {chosen!r} is not recorded for task {task.name!r}; give one of {recorded}, or judge "
            "the task by it"
        )
    return dataclasses.replace(recipe, select_metric=FIRST if chosen == task.metrics[0] else chosen)


def _fitting(
    numerics: Numerics, config: PretrainedConfig, recipe: Recipe, probes: Sequence[Probe]
) -> tuple[Numerics, str]:
    """The plain engine, and why, in place of the fleet for what a fleet does not know: another architecture, a method with
    hooks.

    Raises:
        UserError: only the plain engine can make a recording. What is recorded must not decide the engine, which is part of
            a run's id.
    """
    from seedproof.training.fleet.engine import fits_fleet

    if numerics.engine == "plain" or fits_fleet(config, recipe, probes):
        return numerics, ""
    if not fits_fleet(config, recipe):
        hooks = [method.reference() for method in recipe.methods if not method.in_fleet]
        why = (
            f"no fleet calls the hooks of {hooks[0]}"
            if hooks
            else f"no fleet knows {config.model_type} models like this one"
        )
        return dataclasses.replace(numerics, engine="plain"), why
    name, missing = next((probe.name, missing) for probe in probes if (missing := probe.missing_in_fleet()))
    things = " and ".join(f"the {need}" for need in missing)
    raise UserError(
        f"the fleet engine cannot make the recording {name!r}, which needs to see {things}; leave it out "
        f"(--record {name}=off), or run the study with --engine plain in another folder; fleet runs that are finished are kept"
    )


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
    """The recipes without repetitions; two that differ under one label are refused: no table could tell them apart.

    One recipe whose methods are written in two orders is one, under the first name; labels of the user's own stay two.
    """
    distinct: dict[str, Resolved] = {}
    for resolved in recipes:
        if any(_is_same(resolved.recipe, other.recipe) for other in distinct.values()):
            continue
        if distinct.setdefault(resolved.recipe.name, resolved).recipe != resolved.recipe:
            raise UserError(
                f"two recipes of the study are called {resolved.recipe.name!r}; give one of them a label of its own"
            )
    return list(distinct.values())
