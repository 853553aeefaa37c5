"""``seedproof study``: status, runs, summary, export, track: what a study has come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedproof.cli import completion
from seedproof.cli.streams import say
from seedproof.cli.trackers import track_whole
from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    from seedproof.study.results import Results

FORMATS = ("table", "csv", "md", "latex", "json")
RUN_FORMATS = ("table", "csv", "json")
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The study's folder.")]


def status(folder: Folder) -> None:
    """How far a study is: its runs by state and outcome, and what crashed."""
    from seedproof.cli.status import print_status
    from seedproof.store import Store

    print_status(Store.open(folder))


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


def _results(folder: Path) -> Results:
    from seedproof.study.results import open_results

    return open_results(folder)
