"""What the library promises (docs/stability.md), a line each, read from the code.

    python -m tests.promised > tests/assets/promised.txt

writes down what the version in pyproject.toml promises: with the version's number, and not between versions.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import typer
from click import Command

import seedproof
from seedproof import events, fields, renamed
from seedproof.analysis.export import RUN_COLUMNS, SCORE_COLUMNS
from seedproof.analysis.summary import COLUMNS as SUMMARY_COLUMNS
from seedproof.cli.app import app
from seedproof.deprecation import Renamed
from seedproof.doctor.rules import RULES
from seedproof.launch.base import LAUNCHERS
from seedproof.methods import METHODS
from seedproof.probes import PROBES
from seedproof.recipes import RECIPES, Recipe
from seedproof.study.definition import _KEYS
from seedproof.tasks import TASKS
from seedproof.track.named import TRACKERS

INTERFACES = (
    "deprecation.DeprecatedName",
    "fields.Range",
    "launch.base.Work",
    "launch.tally.Summary",
    "methods.base.Effects",
    "methods.base.Mixture",
    "methods.base.Start",
    "track.base.Ending",
    "track.base.TrackedRun",
    "track.base.Writer",
    *(
        f"events.{name}"
        for name, kind in vars(events).items()
        if isinstance(kind, type) and issubclass(kind, events.Event)
    ),
)
"""What a user's own code implements or is given, and the package itself does not name."""
TYPES_OF_FIELDS = ("Positive", "NotNegative", "Share", "Count", "Name")
"""Of ``seedproof.fields``, for the settings of methods."""

RENAMED: dict[str, dict[str, Renamed]] = {
    "name seedproof.{}": seedproof._RENAMED,
    "field of recipes {}": {old: Renamed(new, since="0.1") for old, new in renamed.FORMER.items()},
}
"""The tables of old names that still work, by the line that promises such a name."""


def promised() -> set[str]:
    """Every promise that holds now: what there is, and the old names that still work."""
    return {*current(), *(line.format(old) for line, table in RENAMED.items() for old in table)}


def current() -> Iterator[str]:
    """Every promise, without old names."""
    for name in seedproof.__all__:
        yield from promises_of(f"seedproof.{name}", getattr(seedproof, name))
    for path in INTERFACES:
        module, _, name = path.rpartition(".")
        yield from promises_of(f"seedproof.{path}", getattr(importlib.import_module(f"seedproof.{module}"), name))
    yield from commands(typer.main.get_command(app), "seedproof")
    lists = {
        "column of runs": RUN_COLUMNS,
        "column of scores": SCORE_COLUMNS,
        "column of summaries": SUMMARY_COLUMNS,
        "key of study files": _KEYS,
        "recipe": RECIPES,
        "field of recipes": Recipe.field_types(),
        "method": METHODS,
        "setting of methods": (kind.key(name) for kind in METHODS.values() for name in kind.field_types()),
        "probe": PROBES,
        "launcher": LAUNCHERS,
        "tracker": TRACKERS,
        "rule": RULES,
        "type of settings": (name for name in TYPES_OF_FIELDS if hasattr(fields, name)),
        "task": TASKS,
    }
    for kind, names in lists.items():
        yield from (f"{kind} {name}" for name in names)


def promises_of(path: str, value: Any) -> Iterator[str]:
    """The promises of a public name: itself, what its call takes, and for a class its public attributes."""
    yield f"name {path}"
    if not inspect.isclass(value):
        yield from call(path, value)
        return
    if any("__init__" in vars(base) for base in ours(value)):
        yield from call(path, value)
    for name in attributes(value):
        member = inspect.getattr_static(value, name, None)
        member = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if inspect.isfunction(member):
            yield from promises_of(f"{path}.{name}", member)
        else:
            yield f"name {path}.{name}"


def attributes(value: type) -> list[str]:
    """Public attributes that our own classes give a class: methods, properties, fields."""
    own = [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
    names = {*own, *(name for base in ours(value) for name in (*vars(base), *inspect.get_annotations(base)))}
    return sorted(name for name in names if not name.startswith("_"))


def ours(value: type) -> list[type]:
    return [base for base in value.__mro__ if base.__module__.startswith("seedproof.")]


def call(path: str, value: Any) -> Iterator[str]:
    """What a call must give and what it may, with the place of what may be given by place."""
    needed = []
    for place, parameter in enumerate(inspect.signature(value).parameters.values()):
        if parameter.name in ("self", "cls") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        by_place = f", place {place}" if parameter.kind is not parameter.KEYWORD_ONLY else ""
        yield f"argument {path}({parameter.name}){by_place}"
        needed += [parameter.name] if parameter.default is parameter.empty else []
    yield f"call {path} needs {', '.join(needed) or 'nothing'}"


def commands(command: Command, path: str) -> Iterator[str]:
    """Every command below one, with its options and arguments."""
    for parameter in command.params:
        names = parameter.opts if parameter.param_type_name == "option" else [str(parameter.name).upper()]
        yield from (f"command {path} {name}" for name in (*names, *parameter.secondary_opts))
    for name, below in getattr(command, "commands", {}).items():
        yield f"command {path} {name}"
        yield from commands(below, f"{path} {name}")


if __name__ == "__main__":
    print(f"version {version('seedproof')}")
    print(*sorted(current()), sep="\n")
