"""Planning a study: every combination of task, model, recipe and seed as a run, checked before anything is run."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError, command, unknown
from seedproof.models.source import ModelSource, find_model
from seedproof.probes import make_probes
from seedproof.recipes import Recipe, Resolved
from seedproof.recipes.base import FIRST
from seedproof.recipes.resolve import CARD_FIELDS
from seedproof.spec import MOST_SEEDS, Numerics, RunSpec, Seeds
from seedproof.store import Cell, Store
from seedproof.store.names import base_of
from seedproof.tasks import Task, load_task
from seedproof.tasks.folder import DESCRIPTION, read_metric, read_parsing
from seedproof.tasks.metrics import default_metric
from seedproof.tasks.parsing import Parsing
from seedproof.tasks.tables import JUDGED_BY, table_name
from seedproof.training.plan import count_steps

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from seedproof.probes.base import Probe

TaskLike = Task | str | os.PathLike[str] | Mapping[str, Any]
"""A task, its name or path, or ``load_task``'s arguments with the name under ``name``, or the path under ``file`` (then
``name`` is what to call it)."""


TABLE_OPTIONS = (
    *(
        "data_dir",
        "dev",
        "text",
        "text_pair",
        "label",
        "label_separator",
        "kind",
        "group",
        "id",
        "split_seed",
        "quoting",
    ),
    "metric",
)
"""What else may be said of a task: the arguments of :func:`seedproof.tasks.load_task`."""


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
            to be judged by another metric, or the engine of a run cannot make one of the recordings.
    """
    probes = make_probes(recordings)
    loaded = _distinctly_named([_judged_as_before(as_task(task, parsing), task, stored) for task in tasks])
    sources = [find_model(os.fspath(name)) for name in models]
    runs = []
    for task in loaded:
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


def _judged_as_before(task: Task, given: TaskLike, stored: Path | None) -> Task:
    """The task, judged by the metric that it has in the study; another one that was asked for is refused."""
    if stored is None or not (stored / task.fingerprint / DESCRIPTION).is_file():
        return task
    before = read_metric(stored / task.fingerprint)
    if before == task.metric:
        return task
    by_default = (task.metrics[0], default_metric(task.dev.labels, task.classes, task.metrics))
    if (isinstance(given, Mapping) and given.get("metric") is not None) or task.metric not in by_default:
        raise UserError(
            f"the study in {stored.parent} judges {task.name!r} by {before}, and its runs stay judged so: leave out the metric "
            f"{task.metric!r}, or choose another folder; to look at them under it: "
            f"{command('study', 'summary', stored.parent, '--metric', task.metric)}"
        )
    # The note says why another one was chosen now.
    notes = tuple(note for note in task.notes if not note.startswith(JUDGED_BY))
    return dataclasses.replace(task, metric=before, notes=notes)


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


def as_task(task: TaskLike, parsing: Mapping[str, Parsing] = MappingProxyType({})) -> Task:
    """Load a task that is given by name; one of a name in ``parsing`` is parsed by the rules there."""
    if isinstance(task, Task):
        rules = parsing.get(task.name, task.parsing)
        return task if task.parse is None or rules is None or rules == task.parsing else task.parse(rules)
    if isinstance(task, (str, os.PathLike)):
        return load_task(os.fspath(task))
    options = dict(task)
    if "stored" in options:
        return Task.read(options["stored"])
    name = options.pop("file", None) or options.pop("name", None)
    if name is None:
        raise UserError(f"the task {dict(task)} has neither a name nor a file")
    known = ("name", "file", *TABLE_OPTIONS)
    for key in options:
        if key not in known:
            raise unknown("key", key, known, where=f"task {name!r}")
    rules = parsing.get(_name_of_table(task) or "")
    return load_task(name, **options, parsing=rules)


def stored_parsing(tasks: Sequence[TaskLike], store: Store) -> dict[str, Parsing]:
    """The rules by which those of the tasks that are tables were parsed for a study that has them, by name."""
    folders = {name: store.task_folder(fingerprint) for fingerprint, name in reversed(store.names().tasks.items())}
    wanted = dict.fromkeys(filter(None, map(_name_of_table, tasks)))
    return {name: read_parsing(folders[name]) for name in wanted if name in folders and folders[name].is_dir()}


def _name_of_table(task: TaskLike) -> str | None:
    if isinstance(task, Task):
        return task.name if task.parse is not None else None
    return task.get("name") or table_name(Path(task["file"])) if isinstance(task, Mapping) and "file" in task else None


DEFAULT_SEEDS = 25
"""Seeds of a study that says nothing of them: as many as the paper's."""


def as_seeds(seeds: int | Iterable[int | Seeds] | None) -> tuple[Seeds, ...]:
    """The seeds of a study: a number n stands for 0 to n - 1, None for :data:`DEFAULT_SEEDS`.

    Raises:
        UserError: none, one of them twice, or something that is no whole number.
    """
    if seeds is None:
        seeds = DEFAULT_SEEDS
    if isinstance(seeds, bool) or (isinstance(seeds, int) and seeds < 1):
        raise UserError(f"seeds = {seeds!r} is not valid; give how many (at least 1) or a list")
    if isinstance(seeds, str) or not isinstance(seeds, (int, Iterable)):
        raise UserError(f"seeds = {seeds!r} is not valid; give how many (at least 1) or a list")
    listed = list(itertools.islice(range(seeds) if isinstance(seeds, int) else seeds, MOST_SEEDS + 1))
    if len(listed) > MOST_SEEDS:
        raise UserError(f"the study has more seeds than {MOST_SEEDS}; give fewer")
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
