"""``seedproof study``: run, status, runs, summary, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedproof.cli import completion
from seedproof.cli.launchers import chosen_launcher
from seedproof.cli.streams import say
from seedproof.errors import UserError, command, unknown

if TYPE_CHECKING:
    from seedproof.store import State
    from seedproof.study.results import Results
    from seedproof.study.study import Study

app = typer.Typer(help="Run a study over random seeds and look at what it found.", no_args_is_help=True)

FORMATS = ("table", "csv", "md", "latex", "json")
RUN_FORMATS = ("table", "csv", "json")
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The study's folder.")]


@app.command("run")
def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[STUDY.toml]", help="A study file, in place of the options below.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The study's folder: new, or one to continue or extend.")] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="glue/..., miniature/..., or a CSV, TSV, JSONL, JSON (also .gz) or Parquet file.",
            autocompletion=completion.tasks,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="miniature/..., a folder, or a name on the hub.", autocompletion=completion.models),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="E.g. mosbach, 'mosbach(epochs=10) + llrd'. [default: devlin]", autocompletion=completion.recipes
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds: 0 to N - 1. [default: 25]")] = None,
    first_seed: Annotated[int, typer.Option(help="Start the seeds here instead of 0.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Set a field of every recipe, or of a method: llrd.decay=0.9.",
            autocompletion=completion.settings,
        ),
    ] = None,
    new_head: Annotated[
        bool, typer.Option("--new-head", help="Draw the head anew where the model came with one of this size.")
    ] = False,
    draw_missing: Annotated[
        bool, typer.Option("--draw-missing", help="Run a model that lacks encoder weights, with these drawn at random.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the GLUE download, for glue/... tasks.")] = None,
    dev: Annotated[Path | None, typer.Option(help="Development set of your own task [default: a 20 % split].")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text, for your own task.")] = None,
    text_pair: Annotated[str | None, typer.Option(help="Column of the second text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.")] = None,
    kind: Annotated[str | None, typer.Option(help="classification or regression [default: by the labels].")] = None,
    quoting: Annotated[
        str | None, typer.Option(help="standard, or none: double quotes in your CSV or TSV are plain characters.")
    ] = None,
    split_seed: Annotated[int | None, typer.Option(help="Seed of the 20 % split. [default: 0]")] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Judge by it: accuracy, f1:CLASS, macro_f1, ... [default: the task's; matthews if a class is rare]."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the study [default: the folder's].")] = None,
    engine: Annotated[str | None, typer.Option(help="plain, or fleet: many runs in one step. [default: plain]")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, or bf16 autocast. [default: fp32]")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads in one run on a CPU; fixed with the study. [default: 1]")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time [default: one per core, or one on a GPU].")] = None,
    launcher: Annotated[
        str,
        typer.Option(
            help="Where runs execute: local, worker processes; inline, this process; ray, a Ray cluster; ...",
            autocompletion=completion.launchers,
        ),
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the cluster of --launcher ray [default: this machine's].")
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=EVERY]",
            help="Switch a recording on, or off: NAME=off; none: all of them. Their names: seedproof ls recordings",
            autocompletion=completion.recordings,
        ),
    ] = None,
    weights: Annotated[bool, typer.Option("--weights", help="Keep the final weights of every run.")] = False,
    evaluations: Annotated[int | None, typer.Option(help="Evaluations in a run [default: after every epoch].")] = None,
    checkpoint_seconds: Annotated[float | None, typer.Option(help="Save a long run this often. [default: 300]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show recipes and runs, run nothing.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every value of the recipes.")] = False,
) -> None:
    """Run a study, or go on with it: the same command again continues, another one extends."""
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs} is not valid; give at least 1")
    chosen = chosen_launcher(launcher, jobs, address)
    options = {
        "data_dir": data_dir,
        "dev": dev,
        "text": text,
        "text_pair": text_pair,
        "label": label,
        "kind": kind,
        "split_seed": split_seed,
        "quoting": quoting,
        "metric": metric,
    }
    numerics = {
        "engine": engine,
        "precision": precision,
        "device": device,
        "threads": threads,
        "draw_missing": draw_missing or None,
    }
    kept = {"weights": weights or None, "evaluations": evaluations, "checkpoint_seconds": checkpoint_seconds}
    recording = {name: value for name, value in kept.items() if value is not None}
    if file is not None:
        given = {
            "--task": task,
            "--model": model,
            "--recipe": recipe,
            "--seeds": seeds,
            "--set": settings,
            "--name": name,
            "--first-seed": first_seed or None,
            "--new-head": new_head or None,
            **options,
        }
        _refuse_with_file(file, given)
        study = _with(_read(file), out, **numerics, record=record, recording=recording)
    else:
        settings = [*(settings or []), *(["new_head=true"] if new_head else [])]
        study = _study(
            name or (out.resolve().name if out else "study"),
            tasks=task,
            models=model,
            recipes=recipe,
            seeds=seeds,
            first_seed=first_seed,
            settings=settings,
            options=options,
        )
        study = _with(study, out, **numerics, record=record, recording=recording)
    if out is None and not dry_run:
        raise UserError("give the folder of the study with --out DIR")
    from seedproof.cli.printing import (
        can_be_timed,
        continuing,
        print_estimate,
        print_kept,
        print_lines,
        print_notes,
        print_notes_of,
        print_plan,
        print_results,
    )
    from seedproof.cli.recipes import print_recipes
    from seedproof.study.planning import stored_parsing

    if out is None or dry_run:
        numerics_there = study.numerics(out, chosen)
        planned = study.plan(numerics_there, out)
        runs = study.fitted(planned, out)
        tried = study.try_out(planned, out)
        # The plan is the result here, and so it goes to standard output, all of it.
        print_recipes(study, verbose=verbose, err=False)
        print_kept(runs, {task.name: task.parsing for task in planned.tasks if task.parsing}, err=False)
        print_notes(planned.tasks, {source.name: source for source in planned.sources}, planned.runs, err=False)
        print_lines(tried, err=False)
        print_plan(runs, _states(out), study.recordings(out), study.left(planned, out).again)
        if can_be_timed(numerics_there, chosen):
            print_estimate(study.estimate(planned, out), numerics_there, jobs, chosen)
        return
    notes: list[str] = []
    store, runs = study.prepare(out, launcher=chosen, say=notes.append)
    print_recipes(study, verbose=verbose)
    print_kept(runs, stored_parsing(study.tasks, store))
    print_notes_of(store, runs)
    print_lines(notes)
    with continuing():
        results = study.execute(store, runs, jobs=jobs, launcher=chosen)
    print_results(results)


@app.command("status")
def status(folder: Folder) -> None:
    """How far a study is: its runs by state and outcome, and what crashed."""
    from seedproof.cli.printing import print_status
    from seedproof.store import Store

    print_status(Store.open(folder))


@app.command("runs")
def runs(
    folder: Folder,
    task: Annotated[list[str] | None, typer.Option(help="Only of this task; give it again for more.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only of this model.")] = None,
    recipe: Annotated[list[str] | None, typer.Option(help="Only of this recipe, as tables call it.")] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(help="succeeded, or failed; also how: majority, diverged, or a kind such as slow."),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="pending, running, interrupted, lost, crashed or finished.")
    ] = None,
    format: Annotated[str, typer.Option(help="table, csv or json.")] = "table",
) -> None:
    """List the runs of a study: id, what came out, and the name that every option for a run takes, too."""
    from seedproof.cli.runs import chosen_runs, print_runs

    if format not in RUN_FORMATS:
        raise unknown("format", format, RUN_FORMATS)
    wanted = {"task": task, "model": model, "recipe": recipe, "outcome": outcome, "state": state}
    print_runs(chosen_runs(_results(folder), wanted), format)


@app.command("summary")
def summary(
    folder: Folder,
    format: Annotated[str, typer.Option(help="table, csv, md, latex or json.")] = "table",
    sd_divisor: Annotated[str, typer.Option(help="n-1, or n as in the paper.")] = "n-1",
    baseline: Annotated[
        str | None, typer.Option(help="Recipe that others are compared with [default: devlin, else the first].")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="Score the runs anew from their stored outputs: accuracy, f1:CLASS, macro_f1, matthews, ..."),
    ] = None,
    columns: Annotated[
        int | None, typer.Option(help="latex: 1 for a column of a page (the default), 2 for its whole width.")
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Also draw the box plot into this PNG, SVG or PDF file; its numbers go to FILE.csv."),
    ] = None,
) -> None:
    """What a study has found: failures, mean, spread, and every run's value."""
    from seedproof.cli.printing import print_summary
    from seedproof.cli.report import width_of_page
    from seedproof.study.results import numbers_of

    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    if baseline is not None and format in ("csv", "latex"):
        raise UserError(f"--baseline is for table, md and json: {format} has no differences; leave it out")
    results = _results(folder)
    print_summary(results, format, sd_divisor, metric, baseline, width_of_page(columns, format))
    if figure is not None:
        say(f"box plot: {results.box_plot(figure, metric=metric)} (its numbers: {numbers_of(figure)})", err=True)


@app.command("export")
def export(
    folder: Folder,
    parquet: Annotated[Path, typer.Option(help="The Parquet file of the runs.")],
    scores: Annotated[
        Path | None,
        typer.Option(help="Also a Parquet file of the scores after every epoch, a row per run, step and metric."),
    ] = None,
) -> None:
    """Write every run with its seeds, settings and results to a Parquet file (columns: docs/tables.md)."""
    say(f"wrote {_results(folder).export(parquet, scores=scores)}")
    if scores is not None:
        say(f"wrote {scores}")


def _results(folder: Path) -> Results:
    from seedproof.study.results import open_results

    return open_results(folder)


def _states(folder: Path | None) -> dict[str, State]:
    """The states of the runs that a study has; none where there is no study yet."""
    from seedproof.store import Store
    from seedproof.store.marker import MARKER

    return Store.open(folder).states() if folder is not None and (folder / MARKER).exists() else {}


def _read(file: Path) -> Study:
    from seedproof.study.study import Study

    return Study.read(file)


def _refuse_with_file(file: Path, given: dict[str, Any]) -> None:
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


def _study(
    name: str,
    *,
    tasks: list[str] | None,
    models: list[str] | None,
    recipes: list[str] | None,
    seeds: int | None,
    first_seed: int,
    settings: list[str] | None,
    options: dict[str, Any],
) -> Study:
    from seedproof.recipes import parse_setting
    from seedproof.study.study import Study

    if not tasks or not models:
        what = "task" if not tasks else "model"
        raise UserError(f"give at least one --{what}; the names are shown by: {command('ls', f'{what}s')}")
    _refuse_unused(tasks, options)
    count = 25 if seeds is None else seeds
    if count < 1:
        raise UserError(f"--seeds {count} is not valid; give at least 1")
    return Study(
        name,
        tasks=[_task(task, options) for task in tasks],
        models=models,
        recipes=recipes or ["devlin"],
        seeds=range(first_seed, first_seed + count),
        settings=dict(parse_setting(setting) for setting in settings or []),
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


def _with(
    study: Study, out: Path | None, *, record: list[str] | None, recording: dict[str, Any], **numerics: Any
) -> Study:
    """The study with the options that were given; what was not given stays."""
    import dataclasses

    changes = {key: value for key, value in numerics.items() if value is not None}
    if record or recording:
        # What an existing study records stays, but for what is asked for now.
        changes["recording"] = dataclasses.replace(study.recordings(out).switched(record or []), **recording)
    return dataclasses.replace(study, **changes)
