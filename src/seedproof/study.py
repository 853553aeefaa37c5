"""A study: tasks x models x recipes x seeds, run durably into a folder.

    study = Study("first", tasks=["miniature/entailment"], models=["miniature/bert"],
                  recipes=[recipe("devlin"), recipe("mosbach", epochs=10)], seeds=range(25))
    results = study.run("out/first")

Giving the same study and folder again goes on where it stopped; another one on the same folder extends it.
"""

from __future__ import annotations

import dataclasses
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from seedproof.definition import read_definition, to_toml
from seedproof.errors import UserError, unknown
from seedproof.launch.local import run_local
from seedproof.launch.options import Recording
from seedproof.models.source import ModelSource, find_model
from seedproof.recipes import Recipe, Resolved, as_recipe, resolve
from seedproof.results import Results
from seedproof.spec import Numerics, RunSpec, Seeds
from seedproof.store import Cell, State, Store
from seedproof.store.store import MARKER
from seedproof.tasks import Task, load_task

if TYPE_CHECKING:
    from seedproof.report.progress import Progress

TaskLike = Task | str | os.PathLike[str] | Mapping[str, Any]
"""A task, its name or path, or ``load_task``'s arguments with the name under ``name``, or the path under ``file`` (then
``name`` is what to call it)."""
RecipeLike = Recipe | str | Mapping[str, Any]
"""A recipe, its name (also ``mosbach(epochs=10)``), or its name under ``name`` with settings."""


@dataclass(frozen=True)
class PlannedRun:
    """One cell of a study with all that makes its run."""

    cell: Cell
    spec: RunSpec


@dataclass(frozen=True)
class Study:
    """What to run. Every combination of task, model, recipe and seed is one run.

    Raises:
        UserError: nothing to run, an unknown name, or a value outside its range; raised when the study is planned for
            what needs the data or the models.
    """

    name: str
    tasks: Sequence[TaskLike] = field(kw_only=True)
    models: Sequence[str | os.PathLike[str]] = field(kw_only=True)
    """Folders, names on the hub, or ``miniature/...``."""
    recipes: Sequence[RecipeLike] = field(kw_only=True, default=("devlin",))
    seeds: int | Iterable[int | Seeds] = field(kw_only=True, default=25)
    """A number n stands for the seeds 0 to n - 1."""
    settings: Mapping[str, Any] = field(kw_only=True, default_factory=dict)
    """Settings of every recipe; they win."""
    precision: Literal["fp32", "bf16"] | None = field(kw_only=True, default=None)
    device: str | None = field(kw_only=True, default=None)
    """``cpu`` or ``cuda``; None takes a GPU where there is one."""
    threads: int | None = field(kw_only=True, default=None)
    """Threads in one run on a CPU; None is 1. It is fixed when the study's folder is made, as it changes bits."""
    recording: Recording | None = field(kw_only=True, default=None)

    def __post_init__(self) -> None:
        for kind in ("tasks", "models", "recipes"):
            value = getattr(self, kind)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise UserError(f"{kind} of study {self.name!r} must be a list, found {value!r}")
            if not value:
                raise UserError(f"the study {self.name!r} has no {kind}; give at least one")
        object.__setattr__(self, "models", [_as_text(model, "model", self.name) for model in self.models])
        tasks = [
            task if isinstance(task, (Task, Mapping)) else _as_text(task, "task", self.name) for task in self.tasks
        ]
        object.__setattr__(self, "tasks", tasks)
        object.__setattr__(self, "seeds", _as_seeds(self.seeds))
        if not isinstance(self.name, str) or not self.name.strip():
            raise UserError(f"the name of a study must be a text, found {self.name!r}")
        if not isinstance(self.settings, Mapping):
            raise UserError(f"settings of study {self.name!r} must be values by field, found {self.settings!r}")
        if self.threads is not None and (type(self.threads) is not int or self.threads < 1):
            raise UserError(f"threads must be a whole number of at least 1, found {self.threads!r}")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a study from a TOML file; see :mod:`seedproof.definition`.

        Raises:
            UserError: the file is missing or no TOML, has an unknown key, or lacks one that is needed.
        """
        return cls(**read_definition(Path(path)))

    def to_toml(self) -> str:
        """The study as the text of a file that :meth:`read` reads."""
        return to_toml({item.name: getattr(self, item.name) for item in dataclasses.fields(self)})

    def resolved(self, source: ModelSource) -> list[Resolved]:
        """The study's recipes, every value fixed for a model, with the origin of each."""
        return [
            resolve(as_recipe(recipe), source.family, source.card_learning_rate, self.settings)
            for recipe in self.recipes
        ]

    def plan(self, numerics: Numerics) -> tuple[list[PlannedRun], list[Task], list[ModelSource]]:
        """Every run of the study in order (task, model, recipe, seed), with the tasks and models that it loaded.

        Raises:
            UserError: a task or a model cannot be found or used, two recipes have one name and differ.
        """
        tasks = _distinctly_named([as_task(task) for task in self.tasks])
        sources = [find_model(os.fspath(name)) for name in self.models]
        runs = []
        for task in tasks:
            reference = task.reference()
            for source in sources:
                recipes = _distinct(self.resolved(source))
                _check_usable(task, source, {resolved.recipe.max_length for resolved in recipes})
                for resolved in recipes:
                    for seeds in _as_seeds(self.seeds):
                        spec = RunSpec(task=reference, model=source.reference(), recipe=resolved.recipe.to_json(),
                                       seeds=seeds, numerics=numerics)  # fmt: skip
                        runs.append(PlannedRun(Cell.of(spec), spec))
        return runs, tasks, sources

    def prepare(self, folder: str | os.PathLike[str]) -> tuple[Store, list[PlannedRun]]:
        """Make or extend the store of the study: its tasks, specs, cells and definition; runs nothing.

        Raises:
            UserError: as :meth:`plan`, or the folder holds something else, or was made with other numerics.
        """
        numerics = self.numerics(folder)
        exists = (Path(folder) / MARKER).exists()
        runs, tasks, sources = self.plan(numerics)
        store = Store.open_or_create(folder, self.name, numerics)
        runs = _with_known_names(store, runs)
        _check_labels(store, runs)
        for task in tasks:
            if not store.task_folder(task.fingerprint).exists():
                task.write(store.task_folder(task.fingerprint))
        for source in sources:
            store.add_model(source.fingerprint, str(source.folder))
        for run in runs:
            store.add(run.spec)
        store.add_cells(run.cell for run in runs)
        store.add_definition(self.to_toml())
        recording = self.recording or Recording.read(store.path)
        if recording != Recording.read(store.path) or not exists:
            recording.write(store.path)
        return store, runs

    def run(self, folder: str | os.PathLike[str], *, jobs: int | None = None, progress: bool = True) -> Results:
        """Run the study into ``folder``, or go on with it there; finished runs are skipped.

        Args:
            folder: new, empty, or the folder of a study, which is then extended.
            jobs: runs at a time; None is one per core on a CPU (by the threads of a run), one on a GPU.
            progress: show progress on standard error.

        Raises:
            UserError: as :meth:`prepare`.
            seedproof.launch.StudyInterrupted: Ctrl-C; the same call goes on from there.
        """
        store, runs = self.prepare(folder)
        return self.execute(store, runs, jobs=jobs, progress=progress)

    def execute(
        self, store: Store, runs: Sequence[PlannedRun], *, jobs: int | None = None, progress: bool = True
    ) -> Results:
        """Run what :meth:`prepare` made ready; the second half of :meth:`run`."""
        ids = list(dict.fromkeys(run.spec.id for run in runs))
        on_event = None
        if not progress:
            self._launch(store, ids, jobs, on_event)
            return Results(store)
        with make_progress(store, runs) as display:
            self._launch(store, ids, jobs, display.on_event)
        return Results(store)

    def _launch(self, store: Store, ids: list[str], jobs: int | None, on_event: Any) -> None:
        numerics = store.numerics
        # Cores that this process may use; not every system can say (then all of them).
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        default = 1 if numerics.device != "cpu" else max(1, cores // numerics.threads)
        workers = default if jobs is None else jobs
        open_ids = [id_ for id_ in ids if store.run(id_).state is not State.FINISHED]
        run_local(
            store.path, ids, jobs=min(workers, max(1, len(open_ids))), threads=numerics.threads, on_event=on_event
        )

    def numerics(self, folder: str | os.PathLike[str] | None = None) -> Numerics:
        """How the arithmetic of the study's runs is done; a study that exists in ``folder`` keeps its own.

        Raises:
            UserError: an unknown value, or another than the existing study's.
        """
        wanted = self._wanted_numerics()
        exists = folder is not None and (Path(folder) / MARKER).exists()
        return self._check_numerics(Store.open(folder)) if folder is not None and exists else wanted

    def _wanted_numerics(self) -> Numerics:
        device = self.device
        if device is None:
            import torch

            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device not in ("cpu", "cuda"):
            raise unknown("device", device, ("cpu", "cuda"))
        if self.precision not in (None, "fp32", "bf16"):
            raise unknown("precision", self.precision, ("fp32", "bf16"))
        return Numerics(precision=self.precision or "fp32", device=device, threads=self.threads or 1)

    def _check_numerics(self, store: Store) -> Numerics:
        """The numerics of an existing store, which stay; asking for others is a mistake."""
        for name in ("precision", "device", "threads"):
            asked, kept = getattr(self, name), getattr(store.numerics, name)
            if asked is not None and asked != kept:
                raise UserError(
                    f"the study in {store.path} was made with {name} = {kept}, which is part of every run's id; "
                    f"leave out {name} = {asked}, or choose another folder"
                )
        return store.numerics


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


def make_progress(store: Store, runs: Sequence[PlannedRun]) -> Progress:
    """A progress display for these runs, which knows what was finished before."""
    from seedproof.report.progress import Progress

    labels = {run.spec.id: f"{run.cell.task} {run.cell.recipe} seed {run.cell.seed}" for run in runs}
    done = [store.run(id_).result() for id_ in labels if store.run(id_).is_finished]
    failed = sum(result["outcome"] == "failed" for result in done)
    return Progress(len(labels), finished=len(done), failed=failed, labels=labels)


def _as_seeds(seeds: int | Iterable[int | Seeds]) -> tuple[Seeds, ...]:
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
    return int(seed)


def _as_text(value: object, kind: str, study: str) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise UserError(f"the {kind} {value!r} of study {study!r} is not valid; give a name or a path")
    return str(os.fspath(value))


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


def _check_usable(task: Task, source: ModelSource, max_lengths: set[int]) -> None:
    """Refuse, before anything runs, a model that cannot classify and a text that is too long for it."""
    from seedproof.models.loading import load_configuration, load_tokenizer
    from seedproof.models.tokens import tokenize

    load_configuration(source)
    tokenizer = load_tokenizer(source)
    longest = max(max_lengths)
    if source.positions is not None and longest > source.positions:
        for name, split in {"train": task.train, **task.evaluation_splits}.items():
            tokenize(split, tokenizer, max_length=longest, positions=source.positions, where=f"{task.name}, {name}:")


def _distinct(recipes: list[Resolved]) -> list[Resolved]:
    """Refuse two recipes under one name: no table could tell them apart."""
    names = [resolved.recipe.name for resolved in recipes]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two recipes of the study are called {name!r}; give one of them a label of its own")
    return recipes


def _with_known_names(store: Store, runs: list[PlannedRun]) -> list[PlannedRun]:
    """Weights that the study has already keep the name they have there, by whatever path they are given now."""
    cells = {cell.model: cell for cell in reversed(store.cells())}
    names = {store.run(cell.id).spec.model.fingerprint: name for name, cell in cells.items()}
    return [
        PlannedRun(dataclasses.replace(run.cell, model=names.get(run.spec.model.fingerprint, run.cell.model)), run.spec)
        for run in runs
    ]


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
