"""What the commands print. Results go to standard output, everything about the way there to standard error."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from seedproof.errors import command
from seedproof.launch import StudyInterrupted
from seedproof.report.console import Console
from seedproof.results import numbers_of

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource
    from seedproof.planning import PlannedRun
    from seedproof.results import Results
    from seedproof.store import State, Store
    from seedproof.study import Study
    from seedproof.tasks import Task
    from seedproof.tasks.parsing import Parsing

WIDTH_WITHOUT_TERMINAL = 120
"""Columns of tables that go to a file or a pipe."""

REASONS = {"majority": "not better than the majority", "diverged": "diverged"}
"""How a run failed, in words."""


def output() -> Console:
    """The console of standard output, of a fixed width where that is no terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)


def print_recipes(study: Study) -> None:
    """Show every resolved recipe with the origin of each value, one column per recipe."""
    from seedproof.models.source import find_model
    from seedproof.recipes import describe

    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDTH_WITHOUT_TERMINAL)
    for name in study.models:
        resolved = study.resolved(find_model(str(name)))
        rows = [{row.field: (_value(row.value), row.origin) for row in describe(one)} for one in resolved]
        table = Table("field", *[escape(one.recipe.name) for one in resolved], box=None, padding=(0, 2, 0, 0))
        for field in dict.fromkeys(field for row in rows for field in row):
            cells = [row.get(field) for row in rows]
            # A value that its own recipe sets needs no remark; all others say where they came from.
            texts = ["" if c is None else c[0] if c[1] == "recipe" else f"{c[0]} ({c[1]})" for c in cells]
            table.add_row(field, *map(escape, texts))
        console.print(f"Recipes for {name} (values without a remark are the recipe's own):", markup=False)
        console.print(table)
        console.print()


def _value(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def print_status(store: Store) -> None:
    """Print the runs of a study by state and outcome, and the message of each crash."""
    states = store.states()
    counts = Counter(str(state) for state in states.values())
    results = dict(store.results())
    failed = Counter(result["reason"] for result in results.values() if result["outcome"] == "failed")
    console = output()
    console.print(f"study {store.name!r} in {store.path}: {len(states)} runs", markup=False)
    for state in ("finished", "running", "pending", "interrupted", "lost", "crashed"):
        if counts[state]:
            detail = ""
            if state == "pending" and (lost := sum(not store.run(id_).has_spec for id_ in states)):
                detail = f" (of {lost} the folder is gone; {'it' if lost == 1 else 'they'} will be run anew)"
            if state == "finished":
                reasons = ", ".join(f"{count} {REASONS[reason]}" for reason, count in sorted(failed.items()))
                detail = f" ({failed.total()} failed{': ' + reasons if reasons else ''})"
            console.print(f"  {counts[state]:>5} {state}{detail}", markup=False)
    for id_, state in states.items():
        if state == "crashed":
            last = store.run(id_).attempts()[-1]
            trace = store.run(id_).path / "error.txt"
            where = f"; see {trace}" if trace.exists() else ""
            console.print(f"crashed: run {id_}: {last.get('message', '')}{where}", markup=False, soft_wrap=True)
    if counts["finished"] < len(states) and not counts["running"]:
        _print_continuing(store, states)


def _print_continuing(store: Store, states: Mapping[str, State]) -> None:
    """Say how to go on with a study; what was copied in unfinished is another study's."""
    from seedproof.report.commands import commands_of

    strangers = sum(states[id_] != "finished" for id_ in store.copied_in())
    if strangers < sum(state != "finished" for state in states.values()):
        output().print("to continue:", markup=False)
        for line in commands_of(store) or ["give the command that made the study again"]:
            output().print(f"  {line}", markup=False, soft_wrap=True)
    if strangers:
        output().print(f"{strangers} that are not finished were copied in; go on with them in the study they are from, and "
                       "copy their folders again", markup=False, soft_wrap=True)  # fmt: skip


def print_summary(
    results: Results, form: str, divisor: str, metric: str | None = None, baseline: str | None = None
) -> None:
    """Print the summary of a study as a table, CSV, Markdown, LaTeX or JSON, its runs judged by ``metric`` where given."""
    from seedproof.analysis import summarize
    from seedproof.report import tables, terminal

    summary = summarize(results.runs(metric=metric), divisor=divisor)  # type: ignore[arg-type]  # summarize checks it
    if form == "table":
        console = output()
        console.print(terminal.to_terminal(summary, baseline))
        for note in results.notes():
            console.print(note, markup=False, soft_wrap=True)
    elif form == "md":
        sys.stdout.write(tables.to_markdown(summary, results.notes(), baseline))
    elif form == "json":
        sys.stdout.write(tables.to_json(summary, baseline))
    else:
        sys.stdout.write(tables.to_csv(summary) if form == "csv" else tables.to_latex(summary, results.notes()))


def print_notes(tasks: Iterable[Task], models: Mapping[str, ModelSource], runs: Sequence[PlannedRun]) -> None:
    """Say on standard error, before any run, what is to be known of tasks, and where models do not fit them."""
    from seedproof.report.notes import notes_before

    for note in notes_before(tasks, models, [run.spec for run in runs]):
        print(note, file=sys.stderr)


def print_notes_of(store: Store, runs: Sequence[PlannedRun]) -> None:
    """:func:`print_notes` on what runs need, from their store."""
    from seedproof.launch.execute import model_source, read_task

    tasks = dict.fromkeys(run.spec.task.fingerprint for run in runs)
    models = {run.cell.model: run.spec.model for run in runs}
    print_notes(
        [read_task(store.task_folder(fingerprint)) for fingerprint in tasks],
        {name: model_source(store, model) for name, model in models.items()},
        runs,
    )


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard error."""
    for line in lines:
        print(line, file=sys.stderr)


def print_kept(runs: Sequence[PlannedRun], parsing: Mapping[str, Parsing]) -> None:
    """Say on standard error where a study keeps what a recipe, or a task's file, meant when it began."""
    for name, rules in parsing.items():
        if differing := rules.differing():
            print(f"{name}: parsed as in the runs that the study has: {'; '.join(differing)}; a new study has today's rules",
                  file=sys.stderr)  # fmt: skip
    for recipe, fields in dict.fromkeys((run.cell.recipe, run.kept) for run in runs if run.kept):
        print(f"{recipe}: as in the runs that the study has, {', '.join(fields)} stays as it was before this version; a "
              "new study has today's value", file=sys.stderr)  # fmt: skip


def print_plan(runs: Sequence[PlannedRun]) -> None:
    """Print the runs of a study, a line per task, model and recipe."""
    from seedproof.recipes import from_json
    from seedproof.training.plan import make_plan, matched_divisor

    console = output()
    counts = Counter((run.cell.task, run.cell.model, run.cell.recipe) for run in runs)
    specs = {(run.cell.task, run.cell.model, run.cell.recipe): run.spec for run in runs}
    for (task, model, recipe), count in counts.items():
        spec = specs[task, model, recipe]
        plan = make_plan(from_json(spec.recipe), spec.seeds, spec.task.train_examples)
        size = f"{plan.steps} steps"
        if (factor := matched_divisor(plan)) > 1.05:  # paper, Figure 6
            size += f", which are on average {factor:.1f} times as large as with bias correction"
        console.print(f"{task}, {model}, {recipe}: {count} runs of {size}", markup=False, soft_wrap=True)
    console.print(f"{len({run.spec.id for run in runs})} runs in all, none was started", markup=False)


@contextmanager
def continuing() -> Iterator[None]:
    """When Ctrl-C ends a study, say how to go on with it (the command line's library would end without a word)."""
    try:
        yield
    except StudyInterrupted as error:
        print(error, file=sys.stderr)
        raise typer.Exit(130) from error


def print_results(results: Results) -> None:
    """Print what a study found and where the figure is, when its runs are done.

    Raises:
        typer.Exit: runs crashed; status 1.
    """
    print_summary(results, "table", "n-1")
    if (results.runs()["state"] == "finished").any():
        _print_places(results)
    check_ended(results)


def check_ended(results: Results) -> None:
    """Say what is missing: runs that crashed, or that another process executes.

    Raises:
        typer.Exit: runs crashed; status 1.
    """
    states = Counter(results.runs()["state"])
    if states["running"]:
        print(f"{states['running']} runs are being executed by another process; give the same command again when it has "
              "ended", file=sys.stderr)  # fmt: skip
    if states["crashed"]:
        count = f"{states['crashed']} run{'s' if states['crashed'] > 1 else ''}"
        print(f"error: {count} crashed; to see why: {command('study', 'status', results.path)}", file=sys.stderr)
        raise typer.Exit(1)


def _print_places(results: Results) -> None:
    path = results.box_plot()
    output().print(f"\nbox plot: {path} (its numbers: {numbers_of(path)})", markup=False, soft_wrap=True)
    more = command("study", "summary", results.path, "--format", "md")
    output().print(f"more:     {more} (or csv, latex, json)", markup=False, soft_wrap=True)
