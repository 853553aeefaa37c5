"""What a study refuses of what it was given before it loads anything: names that nothing has, values out of range."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seedproof.errors import UserError, unknown
from seedproof.recipes import setting_type
from seedproof.recipes.written import flattened
from seedproof.renamed import taken
from seedproof.store.checked import MOST_THREADS
from seedproof.tasks import TASKS


def check_lists(study: str, **lists: object) -> None:
    """Refuse tasks, models or recipes that are no list, or an empty one.

    Raises:
        UserError: it names the study and what is wanted.
    """
    for kind, value in lists.items():
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise UserError(f"{kind} of study {study!r} must be a list, found {value!r}")
        if not value:
            raise UserError(f"the study {study!r} has no {kind}; give at least one")


def as_text(value: object, kind: str, study: str) -> str:
    """The name or path of a task or a model.

    Raises:
        UserError: it is neither.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise UserError(f"the {kind} {value!r} of study {study!r} is not valid; give a name or a path")
    return str(os.fspath(value))


def as_settings(settings: object, study: str) -> Mapping[str, Any]:
    """The settings of every recipe, by today's names.

    Raises:
        UserError: they are no mapping, or name a field that no recipe has.
    """
    if not isinstance(settings, Mapping):
        raise UserError(f"settings of study {study!r} must be values by field, found {settings!r}")
    values = taken(flattened(settings))
    for setting in values:
        setting_type(setting, where=f"the settings of study {study!r}")
    return values


def check_tasks(tasks: Iterable[object]) -> None:
    """Refuse here, and not when runs begin, a task of a known family that it does not have.

    Raises:
        UserError: the nearest name is said.
    """
    for task in tasks:
        if isinstance(task, str) and task.startswith(("glue/", "miniature/")) and task not in TASKS:
            raise unknown("task", task, TASKS)


def check_name(name: object) -> None:
    """Refuse a name that is no text.

    Raises:
        UserError: it says what was found.
    """
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"the name of a study must be a text, found {name!r}")


def check_threads(threads: object) -> None:
    """Refuse threads that no run can have; None is the default.

    Raises:
        UserError: it says the range.
    """
    if threads is None:
        return
    if type(threads) is not int or threads < 1:
        raise UserError(f"threads must be a whole number of at least 1, found {threads!r}")
    if threads > MOST_THREADS:
        raise UserError(f"threads = {threads} is too many; a run has at most {MOST_THREADS}")
