"""Studies and recipes of seedproof: facts per task, model and recipe, and what finished runs found."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.analysis.runs import came_to_end
from seedproof.doctor.base import Known, Place
from seedproof.doctor.facts import Facts, Run
from seedproof.errors import UserError
from seedproof.recipes import Recipe, as_recipe, from_json
from seedproof.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.models.source import ModelSource
    from seedproof.store import Store


def settings_of_recipe(recipe: Recipe, place: Place, *, metric: str | None = None) -> dict[str, Known]:
    """Settings that a recipe gives; what depends on the model is left out of one that is not resolved."""
    values: dict[str, Any] = {
        "learning_rate": None if recipe.learning_rate is None else recipe.peak_learning_rate,
        "epochs": recipe.epochs,
        "max_steps": recipe.max_steps,
        "batch_size": recipe.batch_size,
        "warmup": recipe.warmup_ratio,
        "eps": recipe.eps,
        "beta1": recipe.beta1,
        "beta2": recipe.beta2,
        "bias_correction": recipe.bias_correction,
        "max_grad_norm": None if recipe.clip is None else 0.0 if recipe.clip == "none" else recipe.max_grad_norm,
        "max_length": recipe.max_length,
        "segments": recipe.segment_ids,
        "metric": metric,
        "methods": tuple(each.name for each in recipe.methods),
    }
    kept = Known("float32", Place("the engines of seedproof"))
    return {**{name: Known(value, place) for name, value in values.items() if value is not None}, "weights_dtype": kept}


def facts_of_recipes(written: Sequence[str], model: ModelSource | None, data: Task | None) -> list[Facts]:
    """What recipes say, resolved for the model where there is one.

    Raises:
        UserError: one cannot be read, or not be resolved for the model.
    """
    recipes = [as_recipe(each) for each in written]
    if model is not None:
        recipes = [_resolved(recipe, model, {}) for recipe in recipes]
    found = []
    for recipe in recipes:
        place = Place(f"the recipe {recipe.name}")
        settings = settings_of_recipe(recipe, place, metric=None if data is None else data.metric)
        why = f"{place} leaves it to the model; give --model"
        left = {name: why for name in OF_MODEL if name not in settings}
        found.append(
            Facts(engine="seedproof", name=recipe.name, settings=settings, unread=left, model=model, data=data)
        )
    return found


OF_MODEL = ("learning_rate", "beta1", "beta2", "max_grad_norm")
"""Settings that a recipe may leave to the model."""


def _resolved(recipe: Recipe, model: ModelSource, settings: Mapping[str, Any]) -> Recipe:
    from seedproof.recipes.for_model import resolve_for

    return resolve_for(recipe, model, settings).recipe


def facts_of_study_file(path: Path) -> list[Facts]:
    """Facts of every task, model and recipe of a study file, before it runs.

    Raises:
        UserError: as :meth:`seedproof.Study.read`, or a task or model that cannot be found.
    """
    from seedproof.models.source import find_model
    from seedproof.study.given import as_seeds, as_task
    from seedproof.study.study import Study

    study = Study.read(path)
    place = Place(str(path), path)
    seeds = Known(tuple(each.order for each in as_seeds(study.seeds)), place)
    sources = [find_model(str(name)) for name in study.models]
    cells = [
        (task, source, written) for task in map(as_task, study.tasks) for source in sources for written in study.recipes
    ]
    found, names = [], []
    for task, source, written in cells:
        recipe = _resolved(as_recipe(written), source, study.settings)
        settings = {**settings_of_recipe(recipe, place, metric=task.metric), "seeds": seeds}
        names.append((task.name, source.name, recipe.name))
        found.append(Facts(engine="seedproof", settings=settings, model=source, data=task))
    return [dataclasses.replace(facts, name=name) for facts, name in zip(found, told_apart(names), strict=True)]


def told_apart(names: Sequence[tuple[str, ...]]) -> list[str]:
    """Names of cells by what differs between them: task, model, recipe.

    >>> told_apart([("rte", "bert", "devlin"), ("rte", "bert", "mosbach")])
    ['devlin', 'mosbach']
    """
    varied = [len(set(column)) > 1 for column in zip(*names, strict=True)]
    return [", ".join(part for part, varies in zip(name, varied, strict=True) if varies) for name in names]


def facts_of_store(folder: Path) -> list[Facts]:
    """Facts of every task, model and recipe of a study's folder, with its finished runs.

    Raises:
        UserError: it is no study, or damaged.
    """
    from seedproof.analysis.stored import stored_runs
    from seedproof.store import Store

    store = Store.open(folder)
    runs = stored_runs(store)
    if runs.empty:
        raise UserError(f"the study in {folder} has no runs; run it, or give its study file")
    cells = dict(list(runs.groupby(["task", "model", "recipe"], sort=False)))
    names = told_apart([tuple(map(str, cell)) for cell in cells])
    return [_of_cell(store, name, table) for name, table in zip(names, cells.values(), strict=True)]


def _of_cell(store: Store, name: str, cell: pd.DataFrame) -> Facts:
    from seedproof.execution.inputs import model_source, read_task

    spec = store.run(str(cell["run"].iloc[0])).spec
    recipe = from_json(spec.recipe, with_methods=False)
    place = Place(f"the study in {store.path}", store.path / "runs.jsonl")
    unread: dict[str, str] = {}
    data = model = None
    if (stored := store.task_folder(spec.task.fingerprint)).is_dir():
        data = read_task(stored)
    else:
        unread["data"] = f"{stored} is missing; copy it from the study that the runs came from"
    try:
        model = model_source(store, spec.model)
    except UserError as error:
        unread["model"] = str(error)
    settings = settings_of_recipe(recipe, place, metric=None if data is None else data.metric)
    settings["methods"] = Known(tuple(str(each.get("name")) for each in spec.recipe.get("methods", ())), place)
    settings["seeds"] = Known(tuple(map(_order, cell["seed"])), place)
    settings["train_examples"] = Known(spec.task.train_examples, place)
    has_one_class = data is None or data.kind == "classification"
    runs = tuple(_run(row, place, has_one_class=has_one_class) for row in came_to_end(cell).to_dict("records"))
    is_watched = str(spec.numerics.engine) == "trainer"
    return Facts(
        engine="trainer" if is_watched else "seedproof",
        name=name,
        settings=watched(settings, spec.recipe, place) if is_watched else settings,
        unread=unread,
        data=data,
        model=model,
        runs=runs,
    )


def watched(settings: Mapping[str, Known], recipe: Mapping[str, Any], place: Place) -> dict[str, Known]:
    """Settings of runs that a Trainer trained while :mod:`seedproof.connect` watched: what their stored recipe was seen to be."""
    is_adam = "adam" in str(recipe.get("optimizer", "")).lower()
    unseen = ("weights_dtype", *(() if is_adam else ("bias_correction", "eps", "beta1", "beta2")))
    seen = {"orders": "trainer", "nan_filter": False, "head": str(recipe.get("head"))}
    kept = {name: known for name, known in settings.items() if name not in unseen}
    return {**kept, **{name: Known(value, place) for name, value in seen.items()}}


def _order(label: str) -> int:
    parts = str(label).split("/")
    return int(parts[1] if len(parts) == 3 else parts[0])


def _run(row: Mapping[Any, Any], place: Place, *, has_one_class: bool) -> Run:
    predicted = _predicted(row.get("class_scores")) if has_one_class else None
    score, majority = float(row["score"]), float(row["majority"])
    judged = None if math.isnan(majority) else (str(row["metric"]), score, majority)
    return Run(name=f"{row['recipe']}/{row['seed']}", predicted=predicted, score=judged, place=place)


def _predicted(class_scores: object) -> str | None:
    """The class that every development example was given, by precision and recall: its precision is its share.

    >>> all_a = {"a": {"precision": 0.5, "recall": 1, "support": 1}, "b": {"precision": 0, "recall": 0, "support": 1}}
    >>> _predicted(json.dumps({"dev": all_a}))
    'a'
    """
    if not isinstance(class_scores, str) or not (classes := json.loads(class_scores).get("dev")):
        return None
    total = sum(each["support"] for each in classes.values())
    for name, each in classes.items():
        if each["recall"] == 1 and math.isclose(each["precision"], each["support"] / total):
            return str(name)
    return ""
