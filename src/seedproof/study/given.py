"""What a study is given: its tasks, by name, path or table, its seeds, and the folder that may hold a study already."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seedproof.errors import UserError, command, unknown
from seedproof.spec import MOST_SEEDS, Seeds
from seedproof.store import Store
from seedproof.store.marker import MARKER
from seedproof.tasks import Task, load_task
from seedproof.tasks.folder import DESCRIPTION, read_metric, read_parsing
from seedproof.tasks.metrics import default_metric
from seedproof.tasks.parsing import Parsing
from seedproof.tasks.rarity import JUDGED_BY
from seedproof.tasks.tables import table_name

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


def load_tasks(tasks: Sequence[TaskLike], parsing: Mapping[str, Parsing], stored: Path | None) -> list[Task]:
    """The tasks of a study, each judged as the study in whose folder ``stored`` they are judges it.

    Args:
        tasks: as they were given.
        parsing: rules by which tasks of these names are parsed, in place of today's.
        stored: folder with the tasks of the study that is extended.

    Raises:
        UserError: a task cannot be found, is asked to be judged by another metric than before, or two of different content
            have one name.
    """
    return _distinctly_named(
        [_judged_as_before(as_task(task, parsing), _asks_for_metric(task), stored) for task in tasks]
    )


def as_in_study(task: Task, folder: Path, *, metric: str | None) -> Task:
    """The task as the study in a folder has it: parsed by its rules, judged by its metric; as it is where there is no study.

    Args:
        task: as it is loaded today.
        folder: of the study.
        metric: the one that was asked for, in any spelling; None: none was, and the study's stays.

    Raises:
        UserError: the study judges it by another metric than the one that was asked for.
    """
    if (store := study_in(folder)) is None:
        return task
    return _judged_as_before(
        as_task(task, stored_parsing([task], store)), asks=metric is not None, stored=store.path / "tasks"
    )


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


def _asks_for_metric(given: TaskLike) -> bool | None:
    """Whether a metric was asked for; None where the loaded task alone can tell."""
    return True if isinstance(given, Mapping) and given.get("metric") is not None else None


def _judged_as_before(task: Task, asks: bool | None, stored: Path | None) -> Task:
    """The task, judged by the metric that it has in the study; another one that was asked for is refused.

    Args:
        task: as it was given.
        asks: whether its metric was asked for; None: it was where it is none that a task has by default.
        stored: folder with the tasks of the study.
    """
    if stored is None or not (stored / task.fingerprint / DESCRIPTION).is_file():
        return task
    before = read_metric(stored / task.fingerprint)
    if before == task.metric:
        return task
    by_default = (task.metrics[0], default_metric(task.dev.labels, task.classes, task.metrics))
    if asks or (asks is None and task.metric not in by_default):
        raise UserError(
            f"the study in {stored.parent} judges {task.name!r} by {before}, and its runs stay judged so: leave out the metric "
            f"{task.metric!r}, or choose another folder; to look at them under it: "
            f"{command('study', 'summary', stored.parent, '--metric', task.metric)}"
        )
    # The note says why another one was chosen now.
    notes = tuple(note for note in task.notes if not note.startswith(JUDGED_BY))
    return dataclasses.replace(task, metric=before, notes=notes)


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


DEFAULT_SEEDS = 25
"""Seeds of a study that says nothing of them: as many as the paper's."""


def as_seeds(seeds: int | Iterable[int | Seeds] | None) -> tuple[Seeds, ...]:
    """The seeds of a study: a number n stands for 0 to n - 1, None for :data:`DEFAULT_SEEDS`.

    Raises:
        UserError: none, one of them twice, or something that is no whole number from 0 to 2^63 - 1.
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
    values = tuple(map(_as_one, listed))
    if not values:
        raise UserError("the list of seeds is empty; give at least one")
    if len(set(values)) < len(values):
        raise UserError("the list of seeds has one of them twice; every seed is one run")
    return values


def _as_one(seed: object) -> Seeds:
    if not isinstance(seed, Seeds):
        return Seeds.from_number(_as_number(seed))
    return Seeds(head=_as_number(seed.head), order=_as_number(seed.order), dropout=_as_number(seed.dropout))


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


def study_in(folder: str | os.PathLike[str] | None) -> Store | None:
    """The study that a folder holds; None where there is none yet, or no folder.

    Raises:
        UserError: the folder's study is damaged, or was written by a newer version.
    """
    return Store.open(folder) if folder is not None and (Path(folder) / MARKER).exists() else None
