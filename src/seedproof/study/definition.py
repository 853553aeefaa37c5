"""A study as a TOML file, and back.

    name = "first"
    tasks = ["miniature/entailment", { name = "glue/rte", data_dir = "glue_data" }]
    models = ["miniature/bert"]
    recipes = ["devlin", { name = "mosbach", epochs = 10 }]
    seeds = 25
    race = "25:10"          # of 25 seeds 10 go on after 30 % of training; with stop_doomed = true doomed ones end at once

    [settings]              # of every recipe
    learning_rate = 3e-5

    [recording]             # what is recorded and kept; no part of a run's id
    gradients = 5           # every so many steps; 0 switches a recording off; seedproof ls recordings
    weights = true

Paths are relative to the file. A task that was made in memory stands as ``{ stored = "<fingerprint>" }`` and is read
from the study's own folder.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, unknown
from seedproof.execution.recording import Recording
from seedproof.extensions import look_in, note
from seedproof.methods import Method
from seedproof.probes import PROBES
from seedproof.recipes import RECIPES, Recipe
from seedproof.recipes.written import flattened
from seedproof.renamed import from_stored
from seedproof.spec import Seeds
from seedproof.store import Store
from seedproof.store.marker import MARKER
from seedproof.tasks import Task

_KEYS = (
    "name",
    "tasks",
    "models",
    "recipes",
    "seeds",
    "settings",
    "engine",
    "precision",
    "device",
    "threads",
    "draw_missing",
    "recording",
    "race",
    "stop_doomed",
)
_PATHS = ("data_dir", "file", "dev")
_NAMED = ("glue/", "miniature/")


def read_definition(path: Path) -> dict[str, Any]:
    """Read the fields of a :class:`seedproof.Study` from a TOML file.

    Raises:
        UserError: the file is missing or no TOML, has an unknown key, or lacks one that is needed.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"there is no study file {path}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"the study file {path} is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise UserError(f"cannot read the study file {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise UserError(f"the study file {path} is not valid TOML: {error}") from None
    for key in content:
        if key not in _KEYS:
            raise unknown("key", key, _KEYS, where=f"the study file {path}")
    for key in ("tasks", "models"):
        if key not in content:
            raise UserError(f"the study file {path} has no {key!r}; give a list of {key}")
    look_in(path.parent)  # for methods and probes of the user's own
    if (path.parent / MARKER).exists():
        for origin in Store.open(path.parent).places.extensions():
            note(origin)
    content["tasks"] = [_located(task, path.parent) for task in _list(content, "tasks", path)]
    content["models"] = [_path_or_name(model, path.parent) for model in _list(content, "models", path)]
    if "recipes" in content:
        content["recipes"] = [_settings(recipe, path) for recipe in _list(content, "recipes", path)]
    if "settings" in content:
        if not isinstance(content["settings"], dict):
            raise UserError(f"settings in the study file {path} must be a table, found {content['settings']!r}")
        content["settings"] = _settings(flattened(content["settings"]), path)
    if "seeds" in content and not isinstance(content["seeds"], int):
        content["seeds"] = [_seeds(seed, path) for seed in _list(content, "seeds", path)]
    for key in ("draw_missing", "stop_doomed"):
        if type(content.get(key, False)) is not bool:
            raise UserError(f"{key} in the study file {path} must be true or false, found {content[key]!r}")
    if "recording" in content:
        content["recording"] = _recording(content["recording"], path)
    return {"name": path.stem, **content}


def to_toml(fields: Mapping[str, Any]) -> str:
    """Write the fields of a study as a text that :func:`read_definition` reads from anywhere: paths are absolute."""
    import tomli_w

    content: dict[str, Any] = {
        "name": fields["name"],
        "tasks": [_task(task) for task in fields["tasks"]],
        "models": [_resolved(model) for model in fields["models"]],
        "recipes": [_recipe(recipe) for recipe in fields["recipes"]],
        "seeds": [_seed_value(seed) for seed in fields["seeds"]],
    }
    content |= {name: fields[name] for name in ("engine", "precision", "device", "threads") if fields[name] is not None}
    content |= {"draw_missing": True} if fields["draw_missing"] else {}
    if (race := fields["race"]) is not None:
        content |= {"race": str(race)} | ({"stop_doomed": True} if race.stop_doomed else {})
    if settings := fields["settings"]:
        content["settings"] = {name: "default" if value is None else value for name, value in settings.items()}
    recording: Recording | None = fields["recording"]
    if recording is not None:
        probes = dict.fromkeys(PROBES, 0) | dict(recording.probes)
        options = {item.name: getattr(recording, item.name) for item in dataclasses.fields(recording)}
        content["recording"] = probes | {k: v for k, v in options.items() if k != "probes" and v is not None}
    return tomli_w.dumps(content)


def _list(content: Mapping[str, Any], key: str, path: Path) -> list[Any]:
    value = content[key]
    if not isinstance(value, list):
        raise UserError(f"{key} in the study file {path} must be a list, found {value!r}")
    return value


def _located(task: Any, folder: Path) -> Any:
    """A task with its paths seen from the folder of the study file."""
    if not isinstance(task, Mapping):
        return _path_or_name(task, folder)
    located = {key: str(folder / value) if key in _PATHS else value for key, value in task.items()}
    if "stored" in located:
        stored = str(located["stored"])
        if not re.fullmatch(r"\w+", stored):  # it must not lead out of the study's folder
            raise UserError(f"the stored task {stored!r} is no fingerprint: these have 64 digits 0-9, a-f")
        located["stored"] = str(folder / "tasks" / stored)
    return located


def _path_or_name(name: Any, folder: Path) -> Any:
    """The name of a model or a task, or its path seen from the folder of the study file."""
    is_path = isinstance(name, str) and not name.startswith(_NAMED) and (folder / name).exists()
    return str(folder / name) if is_path else name


def _resolved(name: str) -> str:
    """A path made absolute; a name as it is, whatever files are called like it."""
    return name if name.startswith(_NAMED) or not Path(name).exists() else str(Path(name).resolve())


def _settings(written: Any, path: Path) -> Any:
    """A recipe, or settings of recipes, with None for ``"default"``: the family's value, as on the command line."""
    if not isinstance(written, (str, Mapping)):
        raise UserError(f"the recipe {written!r} in the study file {path} must be a name, or a table with a name")
    if isinstance(written, str):
        return written
    return {key: _value(value) if key != "name" else value for key, value in written.items()}


def _value(written: Any) -> Any:
    """A setting, or settings of methods, with None for ``"default"``."""
    if isinstance(written, Mapping):
        return {key: _value(value) if key != "name" else value for key, value in written.items()}
    return (
        [_value(each) for each in written] if isinstance(written, list) else None if written == "default" else written
    )


def _seeds(value: Any, path: Path) -> int | Seeds:
    if isinstance(value, Mapping):
        if set(value) != {"head", "order", "dropout"} or {type(number) for number in value.values()} != {int}:
            raise UserError(f"the seeds {dict(value)} in {path} must give head, order and dropout as whole numbers")
        return Seeds(**value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"the seed {value!r} in {path} is not a whole number")
    return value


def _recording(value: Any, path: Path) -> Recording:
    if not isinstance(value, Mapping):
        raise UserError(f"recording in the study file {path} must be a table, found {value!r}")
    return Recording.from_table(value, f"[recording] of the study file {path}")


def _task(task: Any) -> Any:
    if isinstance(task, Task):
        return {"stored": task.fingerprint, "name": task.name}
    if isinstance(task, Mapping):
        # A stored task is named by its fingerprint, which is its folder's name: it will be in this study's folder too.
        named = {"stored": Path(task["stored"]).name} if "stored" in task else {}
        return {k: str(Path(value).resolve()) if k in _PATHS else value for k, value in task.items()} | named
    return _resolved(task)


def _recipe(recipe: Recipe | str | Mapping[str, Any]) -> Any:
    if isinstance(recipe, Recipe):
        known = RECIPES.get(recipe.name) == recipe and not recipe.user_settings
        return recipe.name if known else _written(from_stored(recipe.to_json()))
    return recipe if isinstance(recipe, str) else _written(recipe)


def _written(value: Any) -> Any:
    """A table as TOML has it, ``"default"`` for None."""
    if isinstance(value, Method):
        return _written(value.to_json())
    if isinstance(value, Mapping):
        return {key: _written(each) for key, each in value.items()}
    return (
        [_written(each) for each in value]
        if isinstance(value, (list, tuple))
        else "default"
        if value is None
        else value
    )


def _seed_value(seed: Seeds) -> Any:
    return seed.head if seed == Seeds.from_number(seed.head) else dataclasses.asdict(seed)
