"""The folder of a reproduction: what was made in it, at which scale and from which files, and who writes to it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from seedproof.errors import UserError
from seedproof.paper import FIGURES
from seedproof.paper.paths import Paths
from seedproof.paper.scale import Scale
from seedproof.report.html.stored import DESCRIPTION
from seedproof.report.html.stored import REPRODUCTION as FILE
from seedproof.store import Store, write_atomically
from seedproof.store.lock import exclusive
from seedproof.store.marker import MARKER

FORMAT = 1
LOCK_SECONDS = 0.5
FINISHED = "finished"
"""Key in the description of a figure for the tasks that it was made of, where all its runs and measurements were there."""


def check_folder(folder: Path, scale: Scale) -> list[str]:
    """The names of what was made in a folder before; refuses one that holds something else.

    Raises:
        UserError: the folder is a study that was not made by a reproduction, of another scale, or damaged.
    """
    path = folder / FILE
    if not path.exists():
        if (folder / MARKER).exists() and any((folder / name).exists() for name in ("runs.jsonl", "study.toml")):
            raise UserError(f"{folder} is a study that no reproduction made; choose another folder with --out")
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = content["scale"]
        models = [str(name) for name in content.get("models", _models(scale))]  # an older folder does not say which
        made = [name for name in content["made"] if name in FIGURES]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); restore it from a copy") from None
    if known != scale.name:
        raise UserError(
            f"{folder} holds a reproduction at --scale {known}; give that scale, or another folder for {scale.name}"
        )
    if models != _models(scale):
        raise UserError(
            f"{folder} holds a reproduction with the model {', '.join(models)}; give that, or another folder for "
            f"{', '.join(_models(scale))}"
        )
    return made


def _models(scale: Scale) -> list[str]:
    return [known.name for known in scale.models.values()]


def finished_runs(folder: str | os.PathLike[str], scale: Scale, paths: Paths) -> dict[tuple[str, str, str, str], bool]:
    """Which runs of a folder are finished, by :func:`run_names`; empty where there is no reproduction yet.

    Args:
        folder: of a reproduction.
        scale: of it.
        paths: where its models are now; their runs are those of the names that the scale has for them.

    Raises:
        UserError: the folder holds something else.
    """
    path = Path(folder)
    check_folder(path, scale)
    if not (path / MARKER).exists():
        return {}
    store, known, found = Store.open(path), _known_models(scale, paths), dict[tuple[str, str, str, str], bool]()
    for cell in store.cells():
        names = run_names(cell.task, known.get(Path(cell.model).name, cell.model), cell.recipe, cell.seed)
        found[names] = found.get(names, False) or store.run(cell.id).is_finished
    return found


def _known_models(scale: Scale, paths: Paths) -> dict[str, str]:
    """The scale's name of each model by the last part of the folder that it is in."""
    known = {}
    for role, model in scale.models.items():
        with suppress(UserError):  # of a folder that is not there nothing was run
            known[Path(paths.model(scale, role)).name] = model.name
    return known


def finished_figures(folder: str | os.PathLike[str], scale: Scale) -> list[str]:
    """The figures in a folder whose runs and measurements are all there: making them again measures nothing more.

    Args:
        folder: of a reproduction.
        scale: of it; figures that were made of other tasks are not finished.
    """
    names = []
    for name in FIGURES:
        try:
            about = json.loads((Path(folder) / "figures" / name / DESCRIPTION).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(about, dict) and about.get(FINISHED) == list(scale.tasks):
            names.append(name)
    return names


def run_names(task: str, model: str, recipe: str, seed: str) -> tuple[str, str, str, str]:
    """What tells a run from the others of a folder; of a model's path the last part, by which the hub knows it, too."""
    return task, Path(model).name, recipe, seed


def note(folder: Path, scale: Scale, made: Sequence[str], paths: Paths, asked: Sequence[str] = ()) -> None:
    """Write what the folder is, before anything is run and again when figures were made.

    The command that goes on with it asks for all that was ever asked for: what was interrupted is not made yet.
    """
    wanted = {*made, *asked, *_asked_before(folder)}
    listed = [name for name in FIGURES if name in wanted]
    names = "all" if len(listed) == len(FIGURES) else " ".join(listed)
    options = [*scale.options(), *paths.options()]
    content = {"format": FORMAT, "scale": scale.name, "names": names, "made": list(made), "options": options}
    content |= {"models": _models(scale)}
    write_atomically(folder / FILE, (json.dumps(content, indent=1) + "\n").encode())


def _asked_before(folder: Path) -> list[str]:
    """The figures that the folder's command asks for so far."""
    try:
        names = str(json.loads((folder / FILE).read_text(encoding="utf-8")).get("names", ""))
    except FileNotFoundError:
        return []
    return list(FIGURES) if names == "all" else names.split()


def alone(store: Store) -> AbstractContextManager[None]:
    """Hold the folder for the length of a ``with`` block.

    Raises:
        Held: another process is reproducing into it.
    """
    message = f"another process is reproducing into {store.path}; wait for its end"
    return exclusive(store.path / "reproduce.lock", timeout=LOCK_SECONDS, message=message)
