"""Facts from everything that was given: each source is read for what it is, and those of one training are put together."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.arguments import read_arguments, read_object, settings_of
from seedproof.doctor.sources.calls import facts_of_script
from seedproof.doctor.sources.command_line import read_command_line
from seedproof.doctor.sources.finished import ADAPTER, is_state, read_adapter, read_state, state_in
from seedproof.doctor.sources.models import model_name
from seedproof.errors import UserError, command

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource
    from seedproof.tasks import Task


@dataclass(frozen=True)
class Gathered:
    """All facts, and the names of what they were read from."""

    facts: list[Facts]
    read: tuple[str, ...]


def gather(
    sources: Sequence[str | os.PathLike[str]],
    recipes: Sequence[str],
    task: Task | str | os.PathLike[str] | None,
    model: str | os.PathLike[str] | None,
    arguments: Sequence[str],
    columns: Mapping[str, Any],
) -> Gathered:
    """Read everything; the arguments are those of :func:`seedproof.doctor.examine.diagnose`.

    Raises:
        UserError: as there.
    """
    if not (sources or recipes or arguments or task is not None or model is not None):
        raise UserError(
            "nothing to look at; give a study, a script, a JSON of TrainingArguments, a trainer_state.json, --recipe, --task "
            f"or --model; everything: {command('doctor', '--help')}"
        )
    from seedproof.models.source import find_model
    from seedproof.tasks import load_task
    from seedproof.tasks.base import Task

    given = {name: value for name, value in columns.items() if value is not None}
    if given and task is None:
        raise UserError(f"{', '.join(given)} is about a task, and none is given; add --task, or leave it out")
    data = task if task is None or isinstance(task, Task) else load_task(os.fspath(task), **given)
    found = None if model is None else find_model(os.fspath(model))
    line = read_command_line(arguments)
    cases = [*_of_sources([Path(source) for source in sources], line)]
    if recipes:
        from seedproof.doctor.sources.study import facts_of_recipes

        cases += facts_of_recipes(recipes, found, data)
    own = Facts(data=data, model=found)
    facts = [_named_inside(each.joined(own), line) for each in cases or [own]]
    named = [*map(str, sources), *(f"the recipe {recipe}" for recipe in recipes)]
    named += ["the arguments behind --"] if line else []
    named += [f"the task {data.name}"] if data is not None else []
    named += [f"the model {found.name}"] if found is not None else []
    return Gathered(facts, tuple(named))


def _of_sources(sources: Sequence[Path], line: Mapping[str, Known]) -> Iterator[Facts]:
    """The cells of studies, and what all other sources say together of one training."""
    from seedproof.doctor.sources.study import facts_of_store, facts_of_study_file

    training: list[Facts] = []
    kinds = [_kind(source) for source in sources]
    for source, kind in zip(sources, kinds, strict=True):
        if kind == "store":
            yield from facts_of_store(source)
        elif kind == "study file":
            yield from facts_of_study_file(source)
        else:
            training.append(facts_of_script(source, line) if kind == "script" else _READERS[kind](source))
    if line and "script" not in kinds:  # a script has been read with them
        training.append(_of_command_line(line))
    if training:
        yield _one(training)


def _one(parts: Sequence[Facts]) -> Facts:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.joined(part)
    return whole


def _kind(source: Path) -> str:
    """What a source is, by what lies there."""
    from seedproof.store.marker import MARKER

    if source.is_dir():
        if (source / MARKER).exists():
            return "store"
        if state_in(source) is not None:
            return "state folder"
        if (source / ADAPTER).is_file():
            return "adapter"
        raise UserError(
            f"{source} is neither the folder of a study nor one where the Trainer has left a trainer_state.json; give a "
            "model's folder as --model"
        )
    if not source.is_file():
        raise UserError(f"there is no file or folder {source}; arguments of a script stand behind --")
    if source.suffix in (".bin", ".pt", ".pth"):
        raise UserError(
            f"{source} is a pickle, which can run code when it is opened; write the arguments as JSON, "
            "Path('args.json').write_text(args.to_json_string()), and give that"
        )
    kinds = {".toml": "study file", ".py": "script", ".json": "JSON"}
    if source.suffix not in kinds:
        raise UserError(
            f"{source} is none of .toml (a study), .py (a script) and .json (TrainingArguments, trainer_state); give a "
            "table as --task"
        )
    return kinds[source.suffix]


def _read_json(path: Path) -> Facts:
    return read_state(path) if is_state(read_object(path)) else read_arguments(path)


def _read_folder(folder: Path) -> Facts:
    state = state_in(folder)
    assert state is not None
    return read_state(state)


_READERS = {"JSON": _read_json, "state folder": _read_folder, "adapter": read_adapter}


def _of_command_line(line: Mapping[str, Known]) -> Facts:
    """The arguments of a stock script of Transformers (run_glue.py, run_classification.py), which is not at hand."""
    dtype = next((line[name] for name in ("dtype", "torch_dtype") if name in line), None)
    kept = dtype or Known("auto", Place("the default of from_pretrained since Transformers 5"))
    return settings_of(line, {}, is_whole=True).joined(Facts(settings={"weights_dtype": kept}))


def _named_inside(facts: Facts, line: Mapping[str, Known]) -> Facts:
    """The facts with the model and the data that a script or its arguments name, where no other is given."""
    unread: dict[str, str] = {}
    if facts.model is None and "model" not in facts.unread:
        known = line.get("model_name_or_path") or (model_name(facts.script) if facts.script else "")
        if isinstance(known, str):
            unread |= {"model": known} if known else {}
        else:
            model, why = _here(str(known.value), known)
            facts = dataclasses.replace(facts, model=model)
            unread |= {"model": why} if why else {}
    if facts.data is None and "data" not in facts.unread and ("train_file" in line or "task_name" in line):
        from seedproof.doctor.sources.glue_script import data_of

        data, why = data_of(line)
        facts = dataclasses.replace(facts, data=data)
        unread |= {"data": why} if why else {}
    return dataclasses.replace(facts, unread={**facts.unread, **unread})


def _here(name: str, known: Known) -> tuple[ModelSource | None, str]:
    """A model that a script names, if it is on this machine: nobody has asked to fetch it."""
    from seedproof.models.source import find_model, is_stored

    try:
        if is_stored(name):
            return find_model(name), ""
        return None, f"{known.place}: the model {name} is not on this machine; give --model"
    except UserError as error:
        return None, f"{known.place}: {error}"
