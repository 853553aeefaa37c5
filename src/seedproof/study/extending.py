"""Extending a study that exists: new runs get the names it has, keep what these meant, and never come to mean two things."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from seedproof.errors import UserError
from seedproof.recipes import from_json
from seedproof.recipes.resolve import CARD_FIELDS
from seedproof.spec import RunSpec, TaskReference
from seedproof.store import Store
from seedproof.store.names import Names, differing_settings
from seedproof.study.planning import PlannedRun


def fit_into(store: Store, runs: list[PlannedRun]) -> list[PlannedRun]:
    """Name the runs as an existing study does, and refuse those whose names mean something else there.

    Raises:
        UserError: the name of a task, of a model or of a recipe for that model stands for other data, weights or settings
            in the store; the message has what differs.
    """
    names = store.names()
    known = [dataclasses.replace(run, cell=names.as_known(run.cell, run.spec, run.asked)) for run in runs]
    named = [_keeping_engine(names, _keeping(names, run)) for run in known]
    for run in named:
        if not names.is_listed(run.cell):
            _check_same(store, run, _alike(names, run))
    return named


def _keeping(names: Names, run: PlannedRun) -> PlannedRun:
    """A recipe that the study has keeps what it meant there in fields that came later (``Recipe.ADDED``) or that the model
    decides (``CARD_FIELDS``), whose card may say something else today.

    That is so for fields that came later and mean "as before" there, and for all that nobody asks to mean something else
    now. Else more seeds of an older study would stand in a row of their own, or in one row with runs of another kind.
    """
    stored = names.recipe_of(run.cell)
    if stored is None or stored.model.fingerprint != run.spec.model.fingerprint or stored.recipe == run.spec.recipe:
        return run
    before, now = from_json(stored.recipe), from_json(run.spec.recipe)
    before = dataclasses.replace(before, select_metric=now.select_metric)  # it follows from the task
    then, values = before.values(), now.values()
    differing = tuple(name for name in values if then.get(name) != values[name])
    came_later = {name for name, neutral in now.added().items() if then.get(name) == neutral} - run.asked
    of_the_model = set(CARD_FIELDS) - run.asked
    is_alike = [type(before), *map(type, before.methods)] == [type(now), *map(type, now.methods)]
    if not is_alike or not set(differing) <= came_later | of_the_model:
        return run  # another recipe under this name, which is refused
    spec = dataclasses.replace(run.spec, recipe=before.to_json())
    return dataclasses.replace(run, cell=dataclasses.replace(run.cell, id=spec.id), spec=spec, kept=differing)


def _keeping_engine(names: Names, run: PlannedRun) -> PlannedRun:
    """What a study trains with the plain engine stays so, also where the fleet has come to know its architecture.

    Else its runs would be done again under other ids, and more seeds of them stand in one row with runs of another engine.
    """
    if run.spec.numerics.engine == "plain" or names.is_listed(run.cell):
        return run
    spec = dataclasses.replace(run.spec, numerics=dataclasses.replace(run.spec.numerics, engine="plain"))
    plain = dataclasses.replace(run, cell=dataclasses.replace(run.cell, id=spec.id), spec=spec)
    row = names.stands_for(run.cell)
    if not names.is_listed(plain.cell) and (row is None or row.numerics.engine != "plain"):
        return run
    return dataclasses.replace(plain, kept=(*run.kept, "engine plain"))


@dataclass(frozen=True)
class _Earlier:
    """Runs of the study that bear names of a planned one."""

    of_task: list[RunSpec]
    of_model: list[RunSpec]
    of_recipe: list[RunSpec]
    is_row: bool = False
    """They bear all three names, so that the planned run joins their row of the tables."""


def _alike(names: Names, run: PlannedRun) -> _Earlier:
    """The row that a planned run joins; of one that makes a row of its own, all that bear one of its names.

    Rows stand side by side in the tables and are compared seed by seed, so a name must mean one thing in all of them.
    """
    cell = run.cell
    if (row := names.stands_for(cell)) is not None:
        return _Earlier([row], [row], [row], is_row=True)
    of_recipe = [
        spec
        for spec in names.having(model=cell.model, recipe=cell.recipe)
        if spec.model.fingerprint == run.spec.model.fingerprint  # for another model it may well have other values
    ]
    return _Earlier(names.having(task=cell.task), names.having(model=cell.model), of_recipe)


def _check_same(store: Store, run: PlannedRun, earlier: _Earlier) -> None:
    """A name in the study's tables must not come to mean something else when the study is extended."""
    differing, way_out = _differing(earlier, run)
    if differing:
        cell = run.cell
        row = f"{cell.recipe!r} on {cell.task} with {cell.model}"
        known = row if earlier.is_row else " and ".join(differing)
        raise UserError(
            f"the study in {store.path} already has {known}, and now {'; '.join(differing.values())}; choose another "
            f"folder, or {way_out}"
        )


def _differing(earlier: _Earlier, run: PlannedRun) -> tuple[dict[str, str], str]:
    """What differs between runs that bear the same names, in words by the name, and how to give it another name.

    Where an earlier version let a name stand for two things, a run that is like one of them goes on.
    """
    cell, now, parts, way_out = run.cell, run.spec, dict[str, str](), ""
    settings = [_settings(earlier, spec, now) for spec in earlier.of_recipe]
    if settings and all(settings):
        fields = ", ".join(
            f"{name} (there {_value(old)}, now {_value(new)})" for name, (old, new) in settings[0].items()
        )
        parts[f"{cell.recipe!r} with {cell.model}"] = f"the settings differ: {fields}"
        way_out = 'give the recipe a label: { name = "devlin", label = "..." } in a study file'
    weights = [spec.model.fingerprint for spec in earlier.of_model]
    if weights and now.model.fingerprint not in weights:
        parts[f"the model {cell.model}"] = f"the weights differ: {_prints(weights[0], now.model.fingerprint)}"
        way_out = "give the folder of the model another name"
    data = [spec.task for spec in earlier.of_task]
    if data and now.task.fingerprint not in [task.fingerprint for task in data]:
        parts[f"the task {cell.task!r}"] = f"the data differ: {_sizes(data[0], now.task)}"
        way_out = 'rename the file, or write name = "..." beside file = "..." in a study file'
    return parts, way_out


def _settings(earlier: _Earlier, before: RunSpec, now: RunSpec) -> dict[str, tuple[Any, Any]]:
    """Settings that differ; beside another task's row those that differ by more than what follows from the task."""
    differing = differing_settings(before, now)
    passed_over = () if earlier.is_row else ("select_metric", *dataclasses.asdict(now.numerics))
    return {name: pair for name, pair in differing.items() if name not in passed_over}


def _sizes(earlier: TaskReference, now: TaskReference) -> str:
    old, new = (f"{task.train_examples:,} + {task.dev_examples:,} examples" for task in (earlier, now))
    other = f"other texts, labels or metrics, {_prints(earlier.fingerprint, now.fingerprint)}"
    return f"there {old}, now {new}" if old != new else other


def _prints(earlier: str, now: str) -> str:
    return f"fingerprint there {earlier[:12]}, now {now[:12]}"


def _value(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
