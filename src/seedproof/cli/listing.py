"""``seedproof ls``: the names that the other commands take."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from seedproof.cli import completion
from seedproof.errors import unknown

if TYPE_CHECKING:
    from seedproof.launch.base import Known

KINDS = ("tasks", "recipes", "methods", "fields", "models", "studies", "recordings", "launchers", "trackers", "rules")


def ls(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help=f"One of: {', '.join(KINDS)}.", autocompletion=completion.kinds)
    ],
) -> None:
    """List what has a name: tasks, recipes, methods, fields, models, studies, recordings, launchers, trackers, doctor's rules."""
    if what not in KINDS:
        raise unknown("list", what, KINDS)
    names = {
        "tasks": _tasks,
        "recipes": _recipes,
        "methods": _methods,
        "fields": _fields,
        "models": _models,
        "studies": _studies,
        "recordings": _recordings,
        "launchers": _launchers,
        "trackers": _trackers,
        "rules": _rules,
    }[what]()
    width = max(map(len, names))
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    for name, description in names.items():
        lines = textwrap.wrap(description, max(30, columns - width - 2), break_long_words=False, break_on_hyphens=False)
        for index, line in enumerate(lines):
            typer.echo(f"{'' if index else name:<{width}}  {line}")


def _tasks() -> dict[str, str]:
    from seedproof.tasks import TASKS

    return {
        **TASKS,
        "PATH": "your own CSV, TSV, JSONL, JSON (also .gz) or Parquet file, with --text, --text-pair and --label",
    }


def _recipes() -> dict[str, str]:
    from seedproof.recipes import RECIPES

    return {name: recipe.description for name, recipe in RECIPES.items()}


def _methods() -> dict[str, str]:
    from seedproof.methods import METHODS
    from seedproof.recipes.explained import engines, fields_of

    rows = {}
    for name, kind in METHODS.items():
        settings = "; ".join(f"{each.name}={each.default} ({each.allowed})" for each in fields_of(kind))
        rows[name] = f"[{engines(kind)}] {kind.description}{'. Settings: ' if settings else ''}{settings}"
    own = "your own: a file module.py next to the script or study file, or in the working folder (docs/extend.md)"
    return {**rows, "module:Class": own}


def _rules() -> dict[str, str]:
    from seedproof.doctor.rules import load_rules

    return {name: f"[{rule.severity}] {rule.what}" for name, rule in load_rules().items()}


def _fields() -> dict[str, str]:
    from seedproof.recipes.explained import fields

    return {each.name: f"[{each.default}; {each.allowed}]{each.of_method} {each.meaning}" for each in fields()}


def _models() -> dict[str, str]:
    from seedproof.models.source import MINIATURES, find_model
    from seedproof.recipes.card import settings_of_card

    rows = {}
    for short in MINIATURES:
        source = find_model(f"miniature/{short}")
        layers, width = source.config["num_hidden_layers"], source.config["hidden_size"]
        card = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in settings_of_card(source).items())
        rows[source.name] = f"{layers} layers, {width} wide, {card}; shipped with seedproof"
    return {
        **rows,
        "PATH": "a folder that save_pretrained wrote",
        "NAME": "a model on the hub, e.g. bert-large-uncased",
    }


def _studies() -> dict[str, str]:
    from seedproof.paper import STUDIES

    return dict(STUDIES)


def _recordings() -> dict[str, str]:
    from seedproof.execution.recording import DEFAULT_RECORDINGS
    from seedproof.probes import PROBES, every_in_words, find_probe

    rows = {}
    for name in PROBES:
        probe = find_probe(name)
        engines = "plain engine" if probe.missing_in_fleet() else "both engines"
        on = "on" if name in DEFAULT_RECORDINGS else "off"
        rows[name] = f"[{on}; {every_in_words(name, probe.default_every)}; {engines}] {probe.description}"
    own = "a seedproof.Probe of your own, in module.py next to the study file, the script or in the working folder"
    return {**rows, "module:Class": own}


def _launchers() -> dict[str, str]:
    from seedproof.launch.base import LAUNCHERS, installed_launchers

    return _ours_and_others(LAUNCHERS, installed_launchers(), "Launcher")


def _trackers() -> dict[str, str]:
    from seedproof.track.named import TRACKERS, installed_trackers

    return _ours_and_others(TRACKERS, installed_trackers(), "Tracker")


def _ours_and_others(known: Mapping[str, Known], installed: Mapping[str, str], kind: str) -> dict[str, str]:
    """What comes with this package, with what is lacking for it; what others bring; how to bring one."""
    rows = {
        name: each.description + ("" if each.is_installed() else f"; not installed: {each.installation}")
        for name, each in known.items()
    }
    theirs = {name: f"{target}, of an installed package" for name, target in installed.items()}
    own = f"a seedproof.{kind} of your own, in module.py next to the study file, the script or in the working folder"
    return {**rows, **theirs, "module:Class": own}
