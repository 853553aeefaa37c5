"""A study: tasks x models x recipes x seeds, run durably into a folder.

    study = Study("first", tasks=["miniature/entailment"], models=["miniature/bert"],
                  recipes=[recipe("devlin"), recipe("mosbach", epochs=10)], seeds=range(25))
    results = study.run("out/first")

Giving the same study and folder again goes on where it stopped; another one on the same folder extends it.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from seedproof.display import some, table
from seedproof.events import Listener
from seedproof.execution.race import Race
from seedproof.execution.recording import Recording
from seedproof.launch.base import Launcher, launcher_of
from seedproof.models.source import ModelSource
from seedproof.recipes import Recipe, Resolved, as_recipe
from seedproof.recipes.for_model import resolve_for
from seedproof.report.notes import notes_before
from seedproof.spec import Numerics, Seeds
from seedproof.store import Store
from seedproof.study.checks import as_settings, as_text, check_lists, check_name, check_tasks, check_threads
from seedproof.study.definition import read_definition, to_toml
from seedproof.study.executing import execute
from seedproof.study.extending import fit_into
from seedproof.study.given import TaskLike, as_seeds, stored_parsing, study_in
from seedproof.study.left import Left, what_is_left
from seedproof.study.numerics import check_words, choose_numerics, numerics_of
from seedproof.study.own import changed, origins
from seedproof.study.planning import PlannedRun, PlannedStudy, notes_on_engines, plan_runs
from seedproof.study.racing import as_race, check_against, check_steps, in_words, recorded_for, seeds_of
from seedproof.study.results import Results
from seedproof.tasks import Task

if TYPE_CHECKING:
    from seedproof.execution.timing import Estimate

RecipeLike = Recipe | str | Mapping[str, Any]
"""A recipe, its name (also ``mosbach(epochs=10)``), or its name under ``name`` with settings."""


@dataclass(frozen=True)
class Study:
    """What to run. Every combination of task, model, recipe and seed is one run.

    Raises:
        UserError: nothing to run, an unknown recipe or field, or a value outside its range; raised when the study is
            planned for what needs the data or the models.
    """

    name: str
    tasks: Sequence[TaskLike] = field(kw_only=True)
    models: Sequence[str | os.PathLike[str]] = field(kw_only=True)
    """Folders, names on the hub, or ``miniature/...``."""
    recipes: Sequence[RecipeLike] = field(kw_only=True, default=("devlin",))
    seeds: int | Iterable[int | Seeds] | None = field(kw_only=True, default=None)
    """A number n stands for the seeds 0 to n - 1; None: as many as the race starts, without one 25."""
    settings: Mapping[str, Any] = field(kw_only=True, default_factory=dict)
    """Settings of every recipe; they win."""
    engine: Literal["plain", "fleet"] | None = field(kw_only=True, default=None)
    """``plain``: one run at a time, the same bits however often it is interrupted (the default). ``fleet``: many runs in
    one step, about twice as fast on a CPU (docs/performance.md); the same in distribution, not in every bit."""
    precision: Literal["fp32", "bf16"] | None = field(kw_only=True, default=None)
    device: str | None = field(kw_only=True, default=None)
    """``cpu`` or ``cuda``; None takes a GPU where there is one."""
    threads: int | None = field(kw_only=True, default=None)
    """Threads in one run on a CPU; None is 1. It is fixed when the study's folder is made, as it changes bits."""
    recording: Recording | None = field(kw_only=True, default=None)
    draw_missing: bool = field(kw_only=True, default=False)
    """Run a model whose checkpoint lacks parameters of the encoder, with these drawn from each run's head seed. A head or a
    pooler that it lacks is always drawn."""
    race: Race | str | None = field(kw_only=True, default=None)
    """``"10:5"``: of the 10 seeds of each task, model and recipe only those 5 go on after 30 % of training that are the best so
    far; ``"10:5@0.2"``: after 20 % (docs/race.md)."""
    stop_doomed: bool = field(kw_only=True, default=False)
    """Whether runs for which an alarm sounds are stopped, within a race, also where it was not measured on this model."""

    def __post_init__(self) -> None:
        check_lists(self.name, tasks=self.tasks, models=self.models, recipes=self.recipes)
        tasks = [task if isinstance(task, (Task, Mapping)) else as_text(task, "task", self.name) for task in self.tasks]
        race = as_race(self.race, stop_doomed=self.stop_doomed)
        values = {
            "models": [as_text(model, "model", self.name) for model in self.models],
            "tasks": tasks,
            "settings": as_settings(self.settings, self.name),
            "race": race,
            "seeds": seeds_of(race, self.seeds),
        }
        for field_name, value in values.items():
            object.__setattr__(self, field_name, value)
        for recipe in self.recipes:
            as_recipe(recipe)
        check_tasks(self.tasks)
        check_words(engine=self.engine, precision=self.precision, device=self.device)
        check_name(self.name)
        check_threads(self.threads)

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}=[{value}]" for name, value in self._named().items())
        return f"Study({self.name!r}, {parts})"

    def _repr_html_(self) -> str:
        own = {name: getattr(self, name) for name in ("engine", "precision", "device", "threads", "settings")}
        return table(f"study {self.name}", {**self._named(), **{name: value for name, value in own.items() if value}})

    def _named(self) -> dict[str, str]:
        """What is combined, by the names that tables use."""
        tasks = [task.get("name", task.get("file", "")) if isinstance(task, Mapping) else task for task in self.tasks]
        return {
            "tasks": some(task.name if isinstance(task, Task) else task for task in tasks),
            "models": some(self.models),
            "recipes": some(as_recipe(recipe).name for recipe in self.recipes),
            "seeds": some(seed.label for seed in as_seeds(self.seeds)),
        }

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a study from a TOML file; see :mod:`seedproof.study.definition`.

        Raises:
            UserError: the file is missing or no TOML, has an unknown key, or lacks one that is needed.
        """
        return cls(**read_definition(Path(path)))

    def to_toml(self) -> str:
        """The study as the text of a file that :meth:`read` reads."""
        return to_toml({item.name: getattr(self, item.name) for item in dataclasses.fields(self)})

    def resolved(self, source: ModelSource) -> list[Resolved]:
        """The study's recipes, every value fixed for a model, with the origin of each."""
        return [resolve_for(as_recipe(recipe), source, self.settings) for recipe in self.recipes]

    def plan(self, numerics: Numerics, folder: str | os.PathLike[str] | None = None) -> PlannedStudy:
        """Every run of the study in order (task, model, recipe, seed), with the tasks and models that it loaded.

        Args:
            numerics: of every run.
            folder: of the study; one that exists keeps the rules by which its tables were parsed, and the metrics that
                judge its tasks.

        Raises:
            UserError: a task or a model cannot be found or used, two recipes have one name and differ.
        """
        store = study_in(folder)
        planned = plan_runs(
            self.tasks,
            self.models,
            self.resolved,
            as_seeds(self.seeds),
            numerics,
            stored_parsing(self.tasks, store) if store is not None else {},
            stored=store.path / "tasks" if store is not None else None,
            recordings=self.recordings(folder).probes,
        )
        if self._race is not None:
            check_steps(self._race, planned.runs)
        return planned

    @property
    def _race(self) -> Race | None:
        assert not isinstance(self.race, str)  # it was read when the study was made
        return self.race

    def recordings(self, folder: str | os.PathLike[str] | None = None) -> Recording:
        """What the study records: what was asked for, else what the study in ``folder`` does, else the defaults."""
        wanted = self.recording or (Recording() if folder is None else Recording.read(Path(folder)))
        return wanted if self._race is None else recorded_for(self._race, wanted)

    def notes(self, folder: str | os.PathLike[str] | None = None) -> list[str]:
        """Decisions about the data, before anything runs: kind and why, classes with counts, copies, texts that are cut.

        Args:
            folder: of the study, if it exists: its tables keep the rules that they were parsed by.

        Raises:
            UserError: as :meth:`plan`.
        """
        planned = self.plan(self.numerics(folder), folder)
        models = {source.name: source for source in planned.sources}
        return notes_before(planned.tasks, models, [run.spec for run in planned.runs])

    def try_out(self, planned: PlannedStudy, folder: str | os.PathLike[str] | None = None) -> list[str]:
        """Try one batch of every pair of task and model that has runs left to do in ``folder``.

        Returns:
            What is to be known of engines and models: which runs no fleet trains, which parameters are drawn at random, which
            head is kept.

        Raises:
            UserError: what every run of a pair would die of, or parameters of an encoder that its checkpoint lacks.
        """
        from seedproof.execution.trial import try_runs

        runs, recording = self.left(planned, folder).specs, self.recordings(folder)
        store = study_in(folder)
        notes = changed(store, origins(planned.runs, recording)) if store is not None else []
        tried = try_runs(runs, planned.tasks, planned.sources, recording=recording, draw_missing=self.draw_missing)
        raced = [in_words(self._race)] if self._race is not None else []
        return [*notes_on_engines(planned.runs), *raced, *notes, *tried]

    def estimate(self, planned: PlannedStudy, folder: str | os.PathLike[str] | None = None) -> Estimate:
        """What the runs that are left to do in ``folder`` will take here, from a few steps of each kind that are timed."""
        from seedproof.execution.timing import estimate_runs

        whole = estimate_runs(self.left(planned, folder).specs, planned.tasks, planned.sources, self.recordings(folder))
        share = 1.0 if self._race is None else self._race.share
        return dataclasses.replace(whole, seconds=share * whole.seconds)

    def fitted(self, planned: PlannedStudy, folder: str | os.PathLike[str] | None = None) -> list[PlannedRun]:
        """The planned runs as the study in ``folder`` calls and keeps them, if there is one; see :func:`fit_into`."""
        store = study_in(folder)
        return planned.runs if store is None else fit_into(store, planned.runs)

    def check_race(self, planned: PlannedStudy, folder: str | os.PathLike[str] | None = None) -> None:
        """Refuse to go on with the study in ``folder`` as another race than it is.

        Raises:
            UserError: it is another race, or none, or was begun with other seeds.
        """
        if (store := study_in(folder)) is not None:
            check_against(store, self._race, self.fitted(planned, folder))

    def left(self, planned: PlannedStudy, folder: str | os.PathLike[str] | None = None) -> Left:
        """The runs that are left to do in ``folder``: those not finished, and those to be done again to record more."""
        return what_is_left(study_in(folder), self.fitted(planned, folder), self.recordings(folder))

    def prepare(
        self,
        folder: str | os.PathLike[str],
        *,
        launcher: str | Launcher = "local",
        say: Callable[[str], None] | None = None,
        numerics: Numerics | None = None,
    ) -> tuple[Store, list[PlannedRun]]:
        """Make or extend the store of the study: its tasks, specs, cells and definition; runs nothing.

        Args:
            folder: new, empty, or the folder of a study.
            launcher: will execute the runs; it knows whether there is a GPU.
            say: told what is to be known of the models before they run, a line at a time.
            numerics: of these runs, where they are not those of the folder's other runs.

        Raises:
            UserError: as :meth:`plan` and :meth:`try_out`, or the folder holds something else, or was made with other numerics.
        """
        of_folder = self.numerics(folder, launcher)
        exists = study_in(folder) is not None
        planned = self.plan(numerics or of_folder, folder)
        self.check_race(planned, folder)
        notes = self.try_out(planned, folder)
        if say is not None:
            for note in notes:
                say(note)
        store = Store.open_or_create(folder, self.name, of_folder)
        runs = fit_into(store, planned.runs)
        if self._race is not None and Race.read(store.path) != self._race:
            self._race.write(store.path)
        for task in planned.tasks:
            task.write(store.task_folder(task.fingerprint))  # does nothing where it is whole
        for source in planned.sources:
            store.places.add_model(source.fingerprint, str(source.folder))
        for run in runs:
            store.add(run.spec)
        store.add_cells(run.cell for run in runs)
        store.add_definition(self.to_toml())
        recording = self.recordings(store.path)
        if recording != Recording.read(store.path) or not exists:
            recording.write(store.path)
        for origin in origins(runs, recording):
            store.places.add_extension(origin)
        return store, runs

    def run(
        self,
        folder: str | os.PathLike[str],
        *,
        jobs: int | None = None,
        launcher: str | Launcher = "local",
        listeners: Sequence[Listener] = (),
        progress: bool = True,
    ) -> Results:
        """Run the study into ``folder``, or go on with it there; finished runs are skipped.

        Args:
            folder: new, empty, or the folder of a study, which is then extended.
            jobs: runs at a time; None is one per core on a CPU (by the threads of a run), one on a GPU.
            launcher: where runs execute: ``local``, worker processes on this machine; ``inline``, this process; another name
                that an installed package gives one; or a :class:`seedproof.launch.base.Launcher`.
            listeners: each is called with every event (:mod:`seedproof.events`) in this thread; what one raises ends the
                launch.
            progress: show progress on standard error, or in the cell of a notebook.

        Raises:
            UserError: as :meth:`prepare`, or a launcher that nothing has or that is not installed.
            seedproof.launch.StudyInterrupted: Ctrl-C; the same call goes on from there.
        """
        chosen = launcher_of(launcher)
        chosen.check_jobs(jobs)
        store, runs = self.prepare(folder, launcher=chosen, say=_say if progress else None)
        return self.execute(store, runs, jobs=jobs, launcher=chosen, listeners=listeners, progress=progress)

    def execute(
        self,
        store: Store,
        runs: Sequence[PlannedRun],
        *,
        jobs: int | None = None,
        launcher: str | Launcher = "local",
        listeners: Sequence[Listener] = (),
        progress: bool = True,
    ) -> Results:
        """Run what :meth:`prepare` made ready; the second half of :meth:`run`.

        Finished runs that lack a recording the study wants by now are done again to add it (:mod:`seedproof.execution.again`).
        """
        execute(
            store, runs, self._race, jobs=jobs, launcher=launcher_of(launcher), listeners=listeners, progress=progress
        )
        return Results(store)

    def numerics(self, folder: str | os.PathLike[str] | None = None, launcher: str | Launcher = "local") -> Numerics:
        """How the arithmetic of the study's runs is done; a study that exists in ``folder`` keeps its own.

        Args:
            folder: of the study.
            launcher: will execute the runs; it knows whether there is a GPU.

        Raises:
            UserError: an unknown value, or another than the existing study's.
        """
        where = launcher_of(launcher)
        wanted = choose_numerics(
            where, engine=self.engine, precision=self.precision, device=self.device, threads=self.threads
        )
        store = study_in(folder)
        if store is None:
            return wanted
        own = {name: getattr(self, name) for name in ("engine", "precision", "device", "threads")}
        return numerics_of(store, own, where)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
