"""Tasks by name or by path: :func:`load_task` is the one entrance for all sources of data.

``glue/...`` comes from files or the hub, ``miniature/...`` from the generator in this package, and everything else is a
path: to a user's own table, or to a folder written by :meth:`Task.write`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, unknown
from seedproof.tasks import glue
from seedproof.tasks.base import Task
from seedproof.tasks.folder import DESCRIPTION
from seedproof.tasks.metrics import METRICS
from seedproof.tasks.parsing import Parsing, Quoting
from seedproof.tasks.reading import EXTENSIONS, kind_of_file, missing_file
from seedproof.tasks.split import Kind, Split
from seedproof.tasks.tables import load_table

__all__ = ["METRICS", "TASKS", "Split", "Task", "load_table", "load_task"]

MINIATURE = "miniature/"

TASKS: dict[str, str] = {
    **{glue.PREFIX + name: spec.title for name, spec in glue.GLUE.items()},
    f"{MINIATURE}acceptability": "Miniature language: is the sentence grammatical? (mirrors CoLA)",
    f"{MINIATURE}paraphrase": "Miniature language: do the two sentences say the same? (mirrors MRPC)",
    f"{MINIATURE}entailment": "Miniature language: does the first text entail the second? (mirrors RTE)",
    f"{MINIATURE}answer": "Miniature language: does the sentence answer the question? (mirrors QNLI)",
}
"""Names of the tasks that come without the user's own files, each with a line on what it asks."""


def load_task(
    name_or_path: str | Path,
    *,
    data_dir: str | Path | None = None,
    dev: str | Path | None = None,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | Sequence[str] | None = None,
    kind: Kind | None = None,
    split_seed: int | None = None,
    name: str | None = None,
    quoting: Quoting | None = None,
    parsing: Parsing | None = None,
    metric: str | None = None,
    label_separator: str | None = None,
    group: str | None = None,
    id: str | None = None,
) -> Task:
    """Load a task.

    Args:
        name_or_path: a name out of :data:`TASKS`; a CSV, TSV, JSON Lines, JSON or Parquet file; a folder made by ``Task.write``.
        data_dir: the folder of the GLUE download, used by ``glue/...`` only; None loads these from the hub.
        dev: for a file, as the following: see :func:`seedproof.tasks.tables.load_table`.
        text: column of the (first) text.
        text_pair: column of the second text.
        label: column of the label, or several columns, each of a label that is there or not.
        kind: ``"classification"``, ``"regression"`` or ``"multi-label"``, where the label column should not decide.
        split_seed: draws the held-out rows where there is no ``dev``; 0 if not given.
        name: of the task, where the file's name should not be used.
        quoting: ``"none"`` where a double quote in a CSV or TSV is a character like any other.
        parsing: rules of reading the file; None takes today's.
        metric: that judges it, a name out of :data:`METRICS` or ``f1:CLASS``; None: the task's own, and for a file as
            :func:`load_table` says.
        label_separator: between several labels in the one column of labels.
        group: column of what an example belongs to; no group is in both parts.
        id: column of what an example is called.

    Raises:
        UserError: an unknown name, an option that does not apply, or files that cannot be used.
    """
    columns = {"text": text, "text_pair": text_pair, "label": label}
    options = {
        **columns,
        "dev": dev,
        "kind": kind,
        "split_seed": split_seed,
        "name": name,
        "quoting": quoting,
        "parsing": parsing,
        "label_separator": label_separator,
        "group": group,
        "id": id,
    }
    source = str(name_or_path)
    if source.startswith(glue.PREFIX):
        _refuse(source, options)
        if source not in TASKS:
            raise unknown("task", source, TASKS)
        return _judged_by(glue.load(source.removeprefix(glue.PREFIX), data_dir), metric)
    if source.startswith(MINIATURE):
        _refuse(source, options)
        return _judged_by(_load_miniature(source), metric)
    path = Path(name_or_path)
    if (path / DESCRIPTION).is_file():
        _refuse(source, options)
        return _judged_by(Task.read(path), metric)
    if not path.exists() and kind_of_file(path)[0] not in EXTENSIONS:
        raise _not_found(source)
    seed = 0 if split_seed is None else split_seed
    return load_table(
        path,
        text=text,
        label=label,
        text_pair=text_pair,
        dev=dev,
        kind=kind,
        split_seed=seed,
        name=name,
        metric=metric,
        quoting=quoting,
        parsing=parsing,
        label_separator=label_separator,
        group=group,
        id=id,
    )


def _judged_by(task: Task, metric: str | None) -> Task:
    return task if metric is None else dataclasses.replace(task, metric=metric)


def _load_miniature(source: str) -> Task:
    if source not in TASKS:
        raise unknown("task", source, TASKS)
    from seedproof.tasks import miniature

    task: Task = miniature.load(source.removeprefix(MINIATURE))
    return task


def _not_found(source: str) -> UserError:
    """Build the error for something that is neither a known name nor a file."""
    if Path(source).suffix or Path(source).is_absolute():
        return missing_file(Path(source))
    return UserError(f"{unknown('task', source, TASKS)}; for your own data give the path of a file")


def _refuse(source: str, options: dict[str, Any]) -> None:
    """Options that would be ignored are mistakes."""
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise UserError(f"option {given[0]!r} does not apply to task {source!r}")
