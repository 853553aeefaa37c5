"""A study as a TOML file, and back.

    name = "first"
    tasks = ["miniature/entailment", { name = "glue/rte", data_dir = "glue_data" }]
    models = ["miniature/bert"]
    recipes = ["devlin", { name = "mosbach", epochs = 10 }]
    seeds = 25

    [settings]              # of every recipe
    learning_rate = 3e-5

    [recording]             # what is recorded and kept; no part of a run's id
    weights = true

Paths are relative to the file. A task that was made in memory stands as ``{ stored = "<fingerprint>" }`` and is read
from the study's own folder.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, unknown
from seedproof.launch.options import DEFAULT_RECORDINGS, Recording
from seedproof.probes import PROBES
from seedproof.recipes import RECIPES, Recipe
from seedproof.spec import Seeds
from seedproof.tasks import Task

_KEYS = ("name", "tasks", "models", "recipes", "seeds", "settings", "precision", "device", "threads", "recording")
_RECORDING_KEYS = (*PROBES, "evaluations", "weights", "checkpoint_seconds")
_PATHS = ("data_dir", "file", "dev")


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
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"the study file {path} is not valid TOML: {error}") from None
    for key in content:
        if key not in _KEYS:
            raise unknown("key", key, _KEYS, where=f"the study file {path}")
    for key in ("tasks", "models"):
        if key not in content:
            raise UserError(f"the study file {path} has no {key!r}; give a list of {key}")
    content["tasks"] = [_located(task, path.parent) for task in _list(content, "tasks", path)]
    content["models"] = [_model(str(model), path.parent) for model in _list(content, "models", path)]
    if "seeds" in content and not isinstance(content["seeds"], int):
        content["seeds"] = [_seeds(seed, path) for seed in _list(content, "seeds", path)]
    if "recording" in content:
        content["recording"] = _recording(content["recording"], path)
    return {"name": path.stem, **content}


def to_toml(fields: Mapping[str, Any]) -> str:
    """Write the fields of a study as a text that :func:`read_definition` reads from anywhere: paths are absolute."""
    import tomli_w

    content: dict[str, Any] = {
        "name": fields["name"],
        "tasks": [_task(task) for task in fields["tasks"]],
        "models": [str(Path(model).resolve()) if Path(model).is_dir() else model for model in fields["models"]],
        "recipes": [_recipe(recipe) for recipe in fields["recipes"]],
        "seeds": [_seed_value(seed) for seed in fields["seeds"]],
    }
    content |= {name: fields[name] for name in ("precision", "device", "threads") if fields[name] is not None}
    if settings := fields["settings"]:
        content["settings"] = {name: "default" if value is None else value for name, value in settings.items()}
    recording: Recording | None = fields["recording"]
    if recording is not None:
        probes = {name: recording.probes.get(name, 0) for name in PROBES}
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
        return task
    located = {key: str(folder / value) if key in _PATHS else value for key, value in task.items()}
    if "stored" in located:
        located["stored"] = str(folder / "tasks" / located["stored"])
    return located


def _model(name: str, folder: Path) -> str:
    return str(folder / name) if (folder / name).is_dir() else name


def _seeds(value: Any, path: Path) -> int | Seeds:
    if isinstance(value, Mapping):
        try:
            return Seeds(**value)
        except TypeError:
            raise UserError(f"the seeds {dict(value)} in {path} must give head, order and dropout") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"the seed {value!r} in {path} is not a whole number")
    return value


def _recording(value: Mapping[str, Any], path: Path) -> Recording:
    for key in value:
        if key not in _RECORDING_KEYS:
            raise unknown("key", key, _RECORDING_KEYS, where=f"[recording] of the study file {path}")
    asked = dict(DEFAULT_RECORDINGS) | {name: value[name] for name in PROBES if name in value}
    probes = {name: int(every) for name, every in asked.items() if every}  # 0 or false switches one off
    return Recording(probes=probes, **{key: item for key, item in value.items() if key not in PROBES})


def _task(task: Any) -> Any:
    if isinstance(task, Task):
        return {"stored": task.fingerprint, "name": task.name}
    if isinstance(task, Mapping):
        return {key: str(Path(value).resolve()) if key in _PATHS else value for key, value in task.items()}
    return str(Path(task).resolve()) if Path(task).exists() else task


def _recipe(recipe: Recipe | str | Mapping[str, Any]) -> Any:
    if not isinstance(recipe, Recipe):
        return recipe if isinstance(recipe, str) else dict(recipe)
    if RECIPES.get(recipe.name) == recipe and not recipe.user_settings:
        return recipe.name
    return {key: value for key, value in recipe.to_json().items() if value is not None}


def _seed_value(seed: Seeds) -> Any:
    return seed.head if seed == Seeds.from_number(seed.head) else dataclasses.asdict(seed)
