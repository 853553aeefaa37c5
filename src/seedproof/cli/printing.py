"""What the commands print. Results go to standard output, everything about the way there to standard error."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import typer

from seedproof.cli.quantities import disk_in_words, runs_in_words
from seedproof.cli.streams import say
from seedproof.errors import command
from seedproof.launch import StudyInterrupted
from seedproof.printable import counted
from seedproof.report.console import Console
from seedproof.store.checked import STOPPED
from seedproof.study.results import numbers_of

if TYPE_CHECKING:
    from seedproof.execution.recording import Recording
    from seedproof.execution.timing import Estimate
    from seedproof.launch.base import Launcher
    from seedproof.models.source import ModelSource
    from seedproof.report.latex import Width
    from seedproof.spec import Numerics
    from seedproof.store import State, Store
    from seedproof.study.planning import PlannedRun
    from seedproof.study.results import Results
    from seedproof.tasks import Task
    from seedproof.tasks.parsing import Parsing

WIDTH_WITHOUT_TERMINAL = 120
"""Columns of tables that go to a file or a pipe, unless the variable COLUMNS says otherwise."""

REASONS = {"majority": "not better than the majority", "diverged": "diverged"}
"""How a run failed, in words."""


def output() -> Console:
    """The console of standard output; where that is no terminal, its width does not depend on where it is read."""
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isdigit() and int(asked) else WIDTH_WITHOUT_TERMINAL
    return Console(width=None if sys.stdout.isatty() else width, highlight=False)


def print_status(store: Store) -> None:
    """Print the runs of a study by state and outcome, and the message of each crash."""
    from seedproof.execution.race import Race
    from seedproof.execution.recording import Recording

    states = store.states()
    store.check_specs(states)
    counts = Counter(str(state) for state in states.values())
    results = [store.run(id_).result() for id_, state in states.items() if state == "finished"]
    failed = Counter(result["reason"] for result in results if result["outcome"] == "failed")
    stopped = Counter(result["reason"] for result in results if result["outcome"] == STOPPED)
    say(f"study {store.name!r} in {store.path}: {runs_in_words(len(states))}")
    for state in ("finished", "running", "pending", "interrupted", "paused", "lost", "crashed"):
        if counts[state]:
            detail = ""
            if state == "pending" and (lost := sum(not store.run(id_).has_spec for id_ in states)):
                detail = f" (of {lost} the folder is gone; {'it' if lost == 1 else 'they'} will be run anew)"
            if state == "finished":
                reasons = ", ".join(f"{count} {REASONS[reason]}" for reason, count in sorted(failed.items()))
                by = " and ".join(f"{count} by the {rule}" for rule, count in sorted(stopped.items()))
                early = f"; {stopped.total()} stopped early, {by}" if by else ""
                detail = f" ({failed.total()} failed{': ' + reasons if reasons else ''}{early})"
            if state == "paused":
                detail = " (waiting until all of their race have come as far)"
            say(f"  {counts[state]:>5} {state}{detail}")
    if (race := Race.read(store.path)) is not None:
        say(f"race: {race}{' with --stop-doomed' if race.stop_doomed else ''}")
    say(f"recorded: {Recording.read(store.path).in_words()}")
    for id_, state in states.items():
        if state == "crashed":
            last = store.run(id_).attempts()[-1]
            trace = store.run(id_).path / "error.txt"
            where = f"; see {trace}" if trace.exists() else ""
            say(f"crashed: run {id_}: {last.get('message', '')}{where}")
    if counts["finished"] < len(states) and not counts["running"]:
        _print_continuing(store, states)


def _print_continuing(store: Store, states: Mapping[str, State]) -> None:
    """Say how to go on with a study; what was copied in unfinished is another study's."""
    from seedproof.report.commands import commands_of

    strangers = sum(states[id_] != "finished" for id_ in store.copied_in())
    if strangers < sum(state != "finished" for state in states.values()):
        say("to continue:")
        unfinished = [cell for cell in store.cells() if states.get(cell.id) != "finished"]
        made_again = (
            "run the script that trains again" if store.is_watched else "give the command that made the study again"
        )
        for line in commands_of(store, cells=unfinished) or [made_again]:
            say(f"  {line}")
    if strangers:
        say(
            f"{strangers} that are not finished were copied in; go on with them in the study they are from, and copy their "
            "folders again"
        )


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
    from seedproof.tasks.tables import JUDGED_BY

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


def print_notes(
    tasks: Iterable[Task], models: Mapping[str, ModelSource], runs: Sequence[PlannedRun], *, err: bool = True
) -> None:
    """Say, before any run, what is to be known of tasks, and where models do not fit them."""
    from seedproof.report.notes import notes_before

    print_lines(notes_before(tasks, models, [run.spec for run in runs]), err=err)


def print_notes_of(store: Store, runs: Sequence[PlannedRun]) -> None:
    """:func:`print_notes` on what runs need, from their store."""
    from seedproof.execution.inputs import model_source, read_task

    tasks = dict.fromkeys(run.spec.task.fingerprint for run in runs)
    models = {run.cell.model: run.spec.model for run in runs}
    print_notes(
        [read_task(store.task_folder(fingerprint)) for fingerprint in tasks],
        {name: model_source(store, model) for name, model in models.items()},
        runs,
    )


def print_lines(lines: Iterable[str], *, err: bool = True) -> None:
    """Print lines on standard error, or on standard output."""
    for line in lines:
        say(line, err=err)


def print_kept(runs: Sequence[PlannedRun], parsing: Mapping[str, Parsing], *, err: bool = True) -> None:
    """Say where a study keeps what a recipe, or a task's file, meant when it began."""
    for name, rules in parsing.items():
        if differing := rules.differing():
            say(
                f"{name}: parsed as in the runs that the study has: {'; '.join(differing)}; a new study has today's rules",
                err=err,
            )
    for recipe, fields in dict.fromkeys((run.cell.recipe, run.kept) for run in runs if run.kept):
        say(
            f"{recipe}: as in the runs that the study has, {', '.join(fields)} stays as it was; this version, or the model's "
            "card by now, has another default, which a new study takes",
            err=err,
        )


def print_plan(
    runs: Sequence[PlannedRun], states: Mapping[str, State], recording: Recording, again: Collection[str]
) -> None:
    """Print the runs of a study, a line per task, model and recipe, what they record, and how many its folder has already.

    Args:
        runs: planned.
        states: of the runs that the folder has, by id; none where it is new.
        recording: what is recorded of each.
        again: ids of finished runs that are to be done again to record more of them.
    """
    from seedproof.recipes import from_json
    from seedproof.training.plan import make_plan, matched_divisor

    counts = Counter((run.cell.task, run.cell.model, run.cell.recipe) for run in runs)
    specs = {(run.cell.task, run.cell.model, run.cell.recipe): run.spec for run in runs}
    for (task, model, recipe), count in counts.items():
        spec = specs[task, model, recipe]
        plan = make_plan(from_json(spec.recipe, with_methods=False), spec.seeds, spec.task.train_examples)
        size = counted(plan.steps, "step")
        if (factor := matched_divisor(plan)) > 1.05:  # paper, Figure 6
            size += f", which are on average {factor:.1f} times as large as with bias correction"
        say(f"{task}, {model}, {recipe}: {runs_in_words(count)} of {size}")
    say(f"recorded: {recording.in_words()}")
    found = Counter(str(states.get(id_, "pending")) for id_ in {run.spec.id for run in runs})
    whole = f"{runs_in_words(found.total())} in all"
    finished, running, pending = (found[state] for state in ("finished", "running", "pending"))
    if pending == found.total():
        say(f"{whole}, none was started")
        return
    parts = {
        "finished": finished - len(again),
        "finished and to be done again, to record more": len(again),
        "running": running,
        "to be continued": found.total() - finished - running - pending,
        "left to begin": pending,
    }
    say(f"{whole}: {', '.join(f'{count:,} {what}' for what, count in parts.items() if count)}; nothing was started now")


def can_be_timed(numerics: Numerics, launcher: Launcher) -> bool:
    """Whether a step can be timed here; says so if runs execute on a GPU elsewhere."""
    from seedproof.machine import has_gpu

    if numerics.device == "cpu" or launcher.is_here or has_gpu():
        return True
    say(f"no estimate: runs execute on a GPU where the launcher {launcher.name!r} has one, and there is none here")
    return False


def print_estimate(
    estimate: Estimate, numerics: Numerics, jobs: int | None, launcher: Launcher, *, has_fleet: bool
) -> None:
    """Print what the runs that are left will take, and what that is taken from: steps on this machine."""
    from seedproof.report.progress import duration

    if not estimate.timed:
        say("nothing is left to do")
        return
    workers = jobs or launcher.default_jobs(numerics)
    steps = ", ".join(f"{1000 * timed.seconds:.3g} ms" for timed in estimate.timed)
    counted = " and ".join(sorted({str(timed.steps) for timed in estimate.timed}))
    fleet = "; fleets, which were asked for, take less" if has_fleet else ""
    say(
        f"estimate for this machine: {duration(estimate.seconds / workers)} with {workers} at a time, "
        f"{disk_in_words(estimate.disk_bytes)} of disk"
    )
    say(
        f"  from a step's {steps} just now (median of {counted} by the plain engine on {numerics.device}, alone{fleet}); several "
        "at a time and other work on the machine may double it"
    )


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
