"""The study that a command line gives: by a file, or by options for tasks, models, recipes and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError, command

if TYPE_CHECKING:
    from seedproof.methods.class_weights import ClassWeights
    from seedproof.study.study import Study


def read_study(file: Path) -> Study:
    """Read a study file."""
    from seedproof.study.study import Study

    return Study.read(file)


def refuse_with_file(file: Path, given: dict[str, Any]) -> None:
    """Refuse options that a study file has the values of.

    Raises:
        UserError: one was given; names it and the file.
    """
    for option, value in given.items():
        if value is not None and value != []:
            flag = option if option.startswith("--") else f"--{option.replace('_', '-')}"
            raise UserError(f"{flag} cannot be given with the study file {file}; write it into the file")


def _refuse_unused(tasks: list[str], options: dict[str, Any]) -> None:
    """Options that no task would use are mistakes, and so is one development set for two tables."""
    own = [task for task in tasks if not task.startswith(("glue/", "miniature/"))]
    for option, value in options.items():
        if value is None:
            continue
        flag = f"--{option.replace('_', '-')}"
        if option == "data_dir" and not any(task.startswith("glue/") for task in tasks):
            raise UserError(f"{flag} is for glue/... tasks, and no --task is one; leave it out")
        if option not in ("data_dir", "metric") and not own:
            raise UserError(f"{flag} is for your own file, and no --task is one; leave it out")
    if options["dev"] is not None and len(own) > 1:
        raise UserError(f"--dev {options['dev']} cannot be the development set of {len(own)} tasks; use a study file")


def study_of(
    name: str,
    *,
    tasks: list[str] | None,
    models: list[str] | None,
    recipes: list[str] | None,
    seeds: int | None,
    first_seed: int,
    settings: list[str] | None,
    options: dict[str, Any],
    class_weights: ClassWeights | None = None,
    race: str | None = None,
    stop_doomed: bool = False,
) -> Study:
    """The study that options describe.

    Raises:
        UserError: a task or a model is missing, or an option is of no use.
    """
    from seedproof.recipes import parse_setting
    from seedproof.recipes.written import as_recipe
    from seedproof.study.given import DEFAULT_SEEDS
    from seedproof.study.racing import as_race
    from seedproof.study.study import Study

    if not tasks or not models:
        what = "task" if not tasks else "model"
        raise UserError(f"give at least one --{what}; the names are shown by: {command('ls', f'{what}s')}")
    _refuse_unused(tasks, options)
    raced = as_race(race, stop_doomed=stop_doomed)
    count = (raced.started if raced else DEFAULT_SEEDS) if seeds is None else seeds
    if count < 1:
        raise UserError(f"--seeds {count} is not valid; give at least 1")
    written: list[Any] = list(recipes or ["devlin"])
    if class_weights is not None:
        written = [as_recipe(each) + class_weights for each in written]
    return Study(
        name,
        tasks=[_task(task, options) for task in tasks],
        models=models,
        recipes=written,
        seeds=range(first_seed, first_seed + count),
        settings=dict(parse_setting(setting) for setting in settings or []),
        race=raced,
    )


def _task(task: str, options: dict[str, Any]) -> dict[str, Any] | str:
    """A task with the options that are about it: the data folder for GLUE, the columns for a file."""
    named = task.startswith(("glue/", "miniature/"))
    if not named:
        given = {key: value for key, value in options.items() if key != "data_dir"}
    else:
        given = {"metric": options["metric"]} | ({"data_dir": options["data_dir"]} if task.startswith("glue/") else {})
    chosen = {
        key: str(value) if isinstance(value, Path) else value for key, value in given.items() if value is not None
    }
    if task.startswith("miniature/") and not chosen:
        return task
    return {("name" if named else "file"): task, **chosen}


def with_options(
    study: Study,
    out: Path | None,
    *,
    file: Path | None,
    record: list[str] | None,
    recording: dict[str, Any],
    **numerics: Any,
) -> Study:
    """The study with the options that were given; what was not given stays."""
    import dataclasses

    from seedproof.execution.recording import Recording

    changes = {key: value for key, value in numerics.items() if value is not None}
    if record or recording:
        # What an existing study records stays, but for what is asked for now; its own files say what it once recorded.
        is_own = file is not None and out is not None and file.resolve().parent == out.resolve()
        base = Recording.read(out) if is_own and out is not None else study.recordings(out)
        changes["recording"] = dataclasses.replace(base.switched(record or []), **recording)
    return dataclasses.replace(study, **changes)
