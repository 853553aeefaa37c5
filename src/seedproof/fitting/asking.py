"""What a fit is asked for: data, a model, a recipe; a study, once it is decided how many seeds and epochs it has."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedproof.errors import UserError
from seedproof.execution.race import Race
from seedproof.execution.recording import Recording
from seedproof.fitting.deciding import AUTO, BASELINE, Asked, Decision, decide, parse_budget, read_decision
from seedproof.launch.base import Launcher
from seedproof.methods import Method
from seedproof.models.source import ModelSource
from seedproof.recipes import Recipe, as_recipe
from seedproof.study.given import as_in_study, study_in
from seedproof.study.racing import as_race, seeds_of
from seedproof.study.study import Study
from seedproof.tasks import Task

STUDY = ".study"
"""What is put behind the name of a model's folder for that of its study."""
SEEDS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A fit as it was asked for, its data and model found."""

    target: Path
    """The model's folder."""
    task: Task
    """The data as the study has it, where there is one already: parsed by its rules and judged by its metric."""
    source: ModelSource
    recipe: Recipe
    """Recipe with its methods; the baseline where ``auto`` is asked for."""
    asked: Asked
    """What was asked for, as far as it decides on seeds and epochs."""
    numerics: Mapping[str, Any]
    """``engine``, ``precision``, ``device`` and ``threads`` of the study, which checks them; None: its own."""

    @property
    def folder(self) -> Path:
        """The folder of the study, beside the model's."""
        return _folder_of_study(self.target)

    def study(self, decision: Decision, race: Race | None = None) -> Study:
        """The study of what was decided."""
        return Study(
            self.target.name,
            tasks=[self.task],
            models=[self.source.name],
            recipes=[self.recipe],
            seeds=decision.seeds,
            settings=decision.settings,
            recording=Recording(weights=True),
            race=race,
            **{**self.numerics, "engine": self.numerics["engine"] or self._engine()},
        )

    def decide(self, launcher: Launcher, jobs: int | None) -> Decision:
        """What was decided when the same was asked for before, else by what a step takes here now.

        Raises:
            UserError: the budget is too short.
        """
        if (before := read_decision(self.folder, self.asked)) is not None:
            return before

        def seconds_of_run(settings: Mapping[str, Any]) -> float:
            one = self.study(Decision(settings=settings, seeds=1))
            planned = one.plan(one.numerics(self.folder, launcher), self.folder)
            return one.estimate(planned).seconds

        one = self.study(Decision(settings=self.asked.settings, seeds=1))
        workers = jobs or launcher.default_jobs(one.numerics(self.folder, launcher))
        return decide(self.asked, len(self.task.train), workers, seconds_of_run)

    def _engine(self) -> str:
        """The engine of the study that exists, else the fleet."""
        store = study_in(self.folder)
        return "fleet" if store is None else store.numerics.engine


def _folder_of_study(target: Path) -> Path:
    return target.with_name(f"{target.name}{STUDY}")


def request(
    target: Path,
    task: Task,
    source: ModelSource,
    *,
    metric: str | None = None,
    recipe: str | Recipe,
    methods: Sequence[Method],
    settings: Mapping[str, Any] | None,
    seeds: int | None,
    race: Race | str | None,
    stop_doomed: bool = False,
    budget: str | float | None,
    **numerics: Any,
) -> Request:
    """A request from the arguments of :func:`seedproof.fit`.

    Raises:
        UserError: one of them cannot be used, or the metric is another than the one that judges the study beside the target.
    """
    task = as_in_study(task, _folder_of_study(target), metric=metric)
    is_auto, settings = recipe == AUTO, dict(settings or {})
    base = functools.reduce(operator.add, methods, as_recipe(BASELINE if is_auto else recipe))
    raced = as_race(race, stop_doomed=stop_doomed)
    seeds = len(seeds_of(raced, seeds)) if raced else SEEDS if seeds is None else seeds
    if type(seeds) is not int or seeds < 1:
        raise UserError(f"seeds = {seeds!r} is not valid; give at least 1")
    if is_auto and (fixed := {"epochs", "max_steps"} & settings.keys()):
        raise UserError(f"--recipe {AUTO} decides on {min(fixed)}; leave it out, or give --recipe {BASELINE}")
    asked = Asked(
        task=task.fingerprint,
        model=source.fingerprint,
        recipe=base.name,
        is_auto=is_auto,
        settings=settings,
        seeds=seeds,
        budget=parse_budget(budget) if isinstance(budget, str) else budget,
        race=None if raced is None else str(raced),
        stop_doomed=raced is not None and raced.stop_doomed,
    )
    return Request(target=target, task=task, source=source, recipe=base, asked=asked, numerics=numerics)
