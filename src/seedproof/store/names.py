"""What the names in a study's tables stand for, so that one name never comes to mean two things.

A run's own names (of task, model and recipe) are for people and not unique: two studies may have used one name for
different data, weights or settings, or several for the same. Fingerprints and values decide: what a study has already
keeps the name that it has there, and what differs from it is told apart.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from seedproof.renamed import from_stored
from seedproof.spec import RunSpec, written_settings
from seedproof.store.cells import Cell

_SHOWN = 8
"""Digits of a fingerprint that a name shows."""
_SAME_IN_DISTRIBUTION = ("engine", "device", "threads")
"""Numerics that change bits and nothing else: their runs stand in one row, unless both have a run of the same seed."""


def settings_of(spec: RunSpec) -> dict[str, Any]:
    """Everything that a run was told beside task, model and seeds, by name: recipe, methods and numerics."""
    recipe = {name: value for name, value in from_stored(spec.recipe).items() if name not in ("name", "methods")}
    return recipe | settings_of_methods(spec.recipe) | dataclasses.asdict(spec.numerics)


def settings_of_methods(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Names of a stored recipe's further methods under ``methods``, and their settings: ``llrd.decay``."""
    listed: Sequence[Mapping[str, Any]] = recipe.get("methods", ())
    values = {f"{each['name']}.{key}": value for each in listed for key, value in each.items() if key != "name"}
    return {"methods": " + ".join(str(each["name"]) for each in listed), **values} if listed else {}


def differing_settings(one: RunSpec, other: RunSpec) -> dict[str, tuple[Any, Any]]:
    """The settings in which two runs differ, by field: ``(of one, of other)``; None where one of them has no such field."""
    first, second = settings_of(one), settings_of(other)
    return {
        name: (first.get(name), second.get(name))
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    }


_WITH_METHODS = re.compile(r"([\w-]+)(\([^()]*\))?( \+ [\w.:-]+(\([^()]*\))?)*")


def base_of(recipe: str) -> str:
    """The named recipe in the name of a recipe: ``mosbach`` of ``mosbach(epochs=10) + llrd``.

    Of a label of the user's own what stands before its settings: ``devlin + bias correction`` names no method.
    """
    match = _WITH_METHODS.fullmatch(recipe)
    return match[1] if match else recipe.partition("(")[0].strip()


class Names:
    """The names of a study and a run for each.

    Args:
        cells: of the study.
        spec_of: the spec of a cell's run, asked for until it is found once for every name; None where it is lost.
    """

    def __init__(self, cells: Iterable[Cell], spec_of: Callable[[Cell], RunSpec | None]) -> None:
        self._rows: dict[tuple[str, str, str], RunSpec] = {}
        self.tasks: dict[str, str] = {}
        """Name of each task by its fingerprint, in the order of the cells."""
        self._models: dict[str, str] = {}
        self._ids: dict[tuple[str, str, str, str], str] = {}
        self._named: dict[str, list[Cell]] = {}
        for cell in cells:
            is_new = (cell.task, cell.model, cell.recipe) not in self._rows
            self._note(cell, spec_of(cell) if is_new else None)

    def _note(self, cell: Cell, spec: RunSpec | None) -> None:
        self._ids.setdefault((cell.task, cell.model, cell.recipe, cell.seed), cell.id)
        self._named.setdefault(cell.id, []).append(cell)
        if spec is not None:
            self._rows.setdefault((cell.task, cell.model, cell.recipe), spec)
            self.tasks.setdefault(spec.task.fingerprint, cell.task)
            self._models.setdefault(spec.model.fingerprint, cell.model)

    def stands_for(self, cell: Cell) -> RunSpec | None:
        """A run of what the study calls by the names of ``cell``; None where it has no such names."""
        return self._rows.get((cell.task, cell.model, cell.recipe))

    def having(self, *, task: str | None = None, model: str | None = None, recipe: str | None = None) -> list[RunSpec]:
        """A run of each row that bears these names, whatever its others are; more than one where rows differ in those."""
        wanted = (task, model, recipe)
        return [
            spec
            for row, spec in self._rows.items()
            if all(name in (None, own) for name, own in zip(wanted, row, strict=True))
        ]

    def recipe_of(self, cell: Cell) -> RunSpec | None:
        """A run of what the study calls the recipe of ``cell`` for its model, for the same task if there is one."""
        exact = self.stands_for(cell)
        rows = ((row[1:], spec) for row, spec in self._rows.items())
        return exact or next((spec for names, spec in rows if names == (cell.model, cell.recipe)), None)

    def as_known(self, cell: Cell, spec: RunSpec, asked: frozenset[str] = frozenset()) -> Cell:
        """Name a planned run as the study does: its weights, and its settings of the same named recipe.

        A label that somebody chose is no settings' name, so it stands as it is.

        Args:
            cell: as the run is planned.
            spec: of the run.
            asked: settings that somebody asked for: where the study lacks them it means something else. Others that the
                study lacks came into recipes later.
        """
        known = self._named.get(cell.id, [])
        if not known:
            cell = dataclasses.replace(cell, model=self._models.get(spec.model.fingerprint, cell.model))
            names = self._recipes(cell.task, cell.model, spec, came_later=frozenset(settings_of(spec)) - asked)
            known = [dataclasses.replace(cell, recipe=name) for name in names]
        alike = [other for other in known if base_of(other.recipe) == base_of(cell.recipe) and other.task == cell.task]
        exact = [other for other in alike if other.recipe == cell.recipe]
        return (exact or alike or [dataclasses.replace(cell, model=known[0].model) if known else cell])[0]

    def is_listed(self, cell: Cell) -> bool:
        """Whether the study has exactly this cell."""
        return cell in self._named.get(cell.id, [])

    def told_apart(self, spec: RunSpec) -> Cell:
        """Name a run that was copied in: as the study calls the same, and unlike anything that differs from it."""
        own = Cell.of(spec)
        task = self.tasks.get(spec.task.fingerprint) or _free(
            own.task, "data", spec.task.fingerprint, self.tasks.values()
        )
        model = self._models.get(spec.model.fingerprint) or _free(
            own.model, "weights", spec.model.fingerprint, self._models.values()
        )
        known = self._recipes(task, model, spec)
        alike = [name for name in known if not differing_settings(self._rows[task, model, name], spec)] or known
        recipe = own.recipe if own.recipe in alike or not alike else alike[0]
        other = self._rows.get((task, model, recipe))
        if other is not None and _treatments(other, spec):
            recipe = _with_differences(recipe, other, spec)
        elif other is not None and self._ids.get((task, model, recipe, own.seed), own.id) != own.id:
            recipe = _with_differences(recipe, other, spec)  # the same but for its engine or machine
        cell = dataclasses.replace(own, task=task, model=model, recipe=recipe)
        self._note(cell, spec)
        return cell

    def _recipes(self, task: str, model: str, spec: RunSpec, *, came_later: Set[str] = frozenset()) -> list[str]:
        """What the study calls the settings of ``spec`` for this task and model.

        Args:
            task: name of the task in the study.
            model: name of the model in the study.
            spec: of a run.
            came_later: pass over these fields where the study's runs lack them.
        """
        rows = [(row[2], other) for row, other in self._rows.items() if row[:2] == (task, model)]
        return [recipe for recipe, other in rows if not _treatments(other, spec, came_later)]


def _treatments(one: RunSpec, other: RunSpec, came_later: Set[str] = frozenset()) -> dict[str, tuple[Any, Any]]:
    """Settings that differ and change more than bits; those that ``came_later`` do not count where ``one`` lacks them."""
    passed_over = set(_SAME_IN_DISTRIBUTION) | (came_later - set(settings_of(one)))
    return {name: pair for name, pair in differing_settings(one, other).items() if name not in passed_over}


def _with_differences(recipe: str, other: RunSpec, spec: RunSpec) -> str:
    settings = {name: value for name, (_, value) in differing_settings(other, spec).items()}
    return f"{recipe}({written_settings(settings)})"


def _free(name: str, what: str, fingerprint: str, taken: Iterable[str]) -> str:
    """A name that nothing else in the study has."""
    return f"{name} (other {what}, {fingerprint[:_SHOWN]})" if name in taken else name
