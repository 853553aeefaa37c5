"""``seedproof study``: run, status, runs, summary, export, track."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedproof.cli import completion, own_table
from seedproof.cli.given import read_study, refuse_with_file, study_of, with_options
from seedproof.cli.launchers import chosen_launcher
from seedproof.cli.streams import say
from seedproof.cli.trackers import begun_trackers, check_trackers, followed, track_whole
from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    from seedproof.launch.base import Launcher
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
    race: Annotated[
        str | None,
        typer.Option(
            metavar="K:M[@F]",
            help="Start K seeds of each recipe, finish the M that are best after the fraction F of training. [default F: 0.3]",
        ),
    ] = None,
    stop_doomed: Annotated[
        bool,
        typer.Option(
            "--stop-doomed", help="In a race, also stop runs on the word of an alarm not measured on the model."
        ),
    ] = False,
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
    dev: own_table.Dev = None,
    text: own_table.Text = None,
    text_pair: own_table.TextPair = None,
    label: own_table.Label = None,
    label_separator: own_table.LabelSeparator = None,
    kind: own_table.KindOption = None,
    group: own_table.Group = None,
    id: own_table.Id = None,
    quoting: own_table.QuotingOption = None,
    split_seed: own_table.SplitSeed = None,
    metric: own_table.MetricOption = None,
    class_weights: own_table.ClassWeightsOption = None,
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
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PLACE",
            help="Show runs there as they train: tensorboard:DIR, wandb:DIR, mlflow:DIR or URI, trackio:DIR, ...",
            autocompletion=completion.trackers,
        ),
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
        "label": own_table.labels_of(label),
        "label_separator": label_separator,
        "kind": kind,
        "group": group,
        "id": id,
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
            "--race": race,
            "--stop-doomed": stop_doomed or None,
            "--new-head": new_head or None,
            "--class-weights": class_weights,
            **options,
        }
        refuse_with_file(file, given)
        study = with_options(read_study(file), out, file=file, record=record, recording=recording, **numerics)
    else:
        settings = [*(settings or []), *(["new_head=true"] if new_head else [])]
        study = study_of(
            name or (out.resolve().name if out else "study"),
            tasks=task,
            models=model,
            recipes=recipe,
            seeds=seeds,
            first_seed=first_seed,
            settings=settings,
            options=options,
            class_weights=own_table.class_weights_of(class_weights),
            race=race,
            stop_doomed=stop_doomed,
        )
        study = with_options(study, out, file=None, record=record, recording=recording, **numerics)
    if out is None and not dry_run:
        raise UserError("give the folder of the study with --out DIR")
    check_trackers(track)
    if out is None or dry_run:
        _foresee(study, out, chosen, jobs, verbose)
    else:
        _carry_out(study, out, chosen, jobs, verbose, track or [])


@app.command("status")
def status(folder: Folder) -> None:
    """How far a study is: its runs by state and outcome, and what crashed."""
    from seedproof.cli.status import print_status
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
        typer.Option(
            help="succeeded, failed or stopped; also how: majority, diverged, a kind such as slow, race, alarm."
        ),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="pending, running, interrupted, paused, lost, crashed or finished.")
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
    from seedproof.cli.report import width_of_page
    from seedproof.cli.results import print_summary
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
    early: Annotated[
        Path | None,
        typer.Option(
            help="Also a Parquet file of the first 100 steps, a row per run and step, of runs made with --record early."
        ),
    ] = None,
) -> None:
    """Write every run with its seeds, settings and results to a Parquet file (columns: docs/tables.md)."""
    say(f"wrote {_results(folder).export(parquet, scores=scores, early=early)}")
    for path in (scores, early):
        if path is not None:
            say(f"wrote {path}")


def _foresee(study: Study, out: Path | None, launcher: Launcher, jobs: int | None, verbose: bool) -> None:
    """Show what a study would run, and what that would take; runs nothing."""
    from seedproof.cli.planned import can_be_timed, print_estimate, print_kept, print_lines, print_notes, print_plan
    from seedproof.cli.recipes import print_recipes

    numerics_there = study.numerics(out, launcher)
    planned = study.plan(numerics_there, out)
    runs = study.fitted(planned, out)
    study.check_race(planned, out)
    tried = study.try_out(planned, out)
    # The plan is the result here, and so it goes to standard output, all of it.
    print_recipes(study, verbose=verbose, err=False)
    print_kept(runs, {task.name: task.parsing for task in planned.tasks if task.parsing}, err=False)
    print_notes(planned.tasks, {source.name: source for source in planned.sources}, planned.runs, err=False)
    print_lines(tried, err=False)
    print_plan(runs, _states(out), study.recordings(out), study.left(planned, out).again)
    if can_be_timed(numerics_there, launcher):
        has_fleet = any(run.spec.numerics.engine == "fleet" for run in runs)
        print_estimate(study.estimate(planned, out), numerics_there, jobs, launcher, has_fleet=has_fleet)


@app.command("track")
def track(
    folder: Folder,
    tracker: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME:PLACE...",
            help="tensorboard:DIR, wandb:DIR, mlflow:DIR or URI, trackio:DIR. All: seedproof ls trackers",
            autocompletion=completion.trackers,
        ),
    ],
) -> None:
    """Write the runs of a study into trackers; what is there already is left alone (docs/trackers.md)."""
    track_whole(folder, tracker)


def _carry_out(
    study: Study, out: Path, launcher: Launcher, jobs: int | None, verbose: bool, trackers: list[str]
) -> None:
    """Run a study, saying first what was decided about recipes, data and models."""
    from seedproof.cli.planned import print_kept, print_lines, print_notes_of
    from seedproof.cli.recipes import print_recipes
    from seedproof.cli.results import continuing, print_results
    from seedproof.study.given import stored_parsing

    notes: list[str] = []
    live = [*begun_trackers(out, trackers)]
    store, runs = study.prepare(out, launcher=launcher, say=notes.append)
    print_recipes(study, verbose=verbose)
    print_kept(runs, stored_parsing(study.tasks, store))
    print_notes_of(store, runs)
    print_lines(notes)
    with continuing(), followed(live) as listeners:
        results = study.execute(store, runs, jobs=jobs, launcher=launcher, listeners=listeners)
    print_results(results)


def _results(folder: Path) -> Results:
    from seedproof.study.results import open_results

    return open_results(folder)


def _states(folder: Path | None) -> dict[str, State]:
    """The states of the runs that a study has; none where there is no study yet."""
    from seedproof.study.given import study_in

    store = study_in(folder)
    return {} if store is None else store.states()
