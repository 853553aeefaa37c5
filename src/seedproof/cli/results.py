"""What is printed of a study's results, and of how it ended."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import typer

from seedproof.cli.quantities import runs_in_words
from seedproof.cli.streams import output, say
from seedproof.errors import command
from seedproof.launch import StudyInterrupted
from seedproof.study.results import numbers_of

if TYPE_CHECKING:
    from seedproof.report.latex import Width
    from seedproof.study.results import Results


def print_summary(
    results: Results,
    form: str,
    divisor: str,
    metric: str | None = None,
    baseline: str | None = None,
    columns: Width = 1,
) -> None:
    """Print the summary of a study as a table, CSV, Markdown, LaTeX or JSON, its runs judged by ``metric`` where given."""
    from seedproof.analysis import summarize
    from seedproof.report import tables, terminal
    from seedproof.tasks.rarity import JUDGED_BY

    summary = summarize(results.runs(metric=metric), divisor=divisor)  # type: ignore[arg-type]  # summarize checks it
    # Why the study has the metric that it has does not belong under another one.
    notes = [note for note in results.notes() if metric is None or JUDGED_BY not in note]
    if form == "table":
        console = output()
        console.print(terminal.to_terminal(summary, baseline))
        for note in notes:
            say(note)
    elif form == "md":
        sys.stdout.write(tables.to_markdown(summary, notes, baseline))
    elif form == "json":
        sys.stdout.write(tables.to_json(summary, baseline))
    else:
        latex = partial(tables.to_latex, summary, notes, columns=columns)
        sys.stdout.write(tables.to_csv(summary) if form == "csv" else latex())


@contextmanager
def continuing() -> Iterator[None]:
    """When Ctrl-C ends a study, say how to go on with it (the command line's library would end without a word)."""
    try:
        yield
    except StudyInterrupted as error:
        say(error, err=True)
        raise typer.Exit(130) from error


def print_results(results: Results) -> None:
    """Print what a study found and where the figure is, when its runs are done.

    Raises:
        typer.Exit: runs crashed; status 1.
    """
    print_summary(results, "table", "n-1")
    if (results.runs()["state"] == "finished").any():
        _print_files(results)
    check_ended(results)


def check_ended(results: Results) -> None:
    """Say what is missing: runs that crashed, or that another process executes.

    Raises:
        typer.Exit: runs crashed; status 1.
    """
    states = Counter(results.runs()["state"])
    if states["running"]:
        are = "is" if states["running"] == 1 else "are"
        say(
            f"{runs_in_words(states['running'])} {are} being executed by another process; give the same command again when "
            "it has ended",
            err=True,
        )
    if states["crashed"]:
        say(
            f"error: {runs_in_words(states['crashed'])} crashed; to see why: {command('study', 'status', results.path)}",
            err=True,
        )
        raise typer.Exit(1)


def _print_files(results: Results) -> None:
    path = results.box_plot()
    say(f"\nbox plot: {path} (its numbers: {numbers_of(path)})")
    say(f"as Markdown (or csv, latex, json): {command('study', 'summary', results.path, '--format', 'md')}")
