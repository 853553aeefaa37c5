"""What the commands print. Results go to standard output, everything about the way there to standard error."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from seedproof.results import Results
    from seedproof.store import Store
    from seedproof.study import Study

WIDTH_WITHOUT_TERMINAL = 120
"""Columns of tables that go to a file or a pipe."""


def output() -> Console:
    """The console of standard output, of a fixed width where that is no terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)


def print_recipes(study: Study) -> None:
    """Show every resolved recipe with the origin of each value, one column per recipe."""
    from seedproof.models.source import find_model
    from seedproof.recipes import describe

    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDTH_WITHOUT_TERMINAL)
    for name in study.models:
        resolved = study.resolved(find_model(name))
        rows = [{row.field: (_value(row.value), row.origin) for row in describe(one)} for one in resolved]
        table = Table("field", *[one.recipe.name for one in resolved], box=None, padding=(0, 2, 0, 0))
        for field in dict.fromkeys(field for row in rows for field in row):
            cells = [row.get(field) for row in rows]
            # A value that its own recipe sets needs no remark; all others say where they came from.
            texts = ["" if c is None else c[0] if c[1] == "recipe" else f"{c[0]} ({c[1]})" for c in cells]
            table.add_row(field, *texts)
        console.print(f"Recipes for {name} (values without a remark are the recipe's own):")
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
            if state == "finished":
                reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(failed.items()))
                detail = f" ({failed.total()} failed{': ' + reasons if reasons else ''})"
            console.print(f"  {counts[state]:>5} {state}{detail}", markup=False)
    for id_, state in states.items():
        if state == "crashed":
            last = store.run(id_).attempts()[-1]
            console.print(f"crashed: run {id_}: {last.get('message', '')}; see {store.run(id_).path / 'error.txt'}",
                          markup=False, soft_wrap=True)  # fmt: skip
    if counts["finished"] < len(states) and not counts["running"]:
        console.print("give the command that made the study again to continue", markup=False)


def print_summary(results: Results, form: str, divisor: str) -> None:
    """Print the summary of a study as a table, CSV, Markdown, LaTeX or JSON."""
    from seedproof.analysis import summarize
    from seedproof.report import tables, terminal

    summary = summarize(results.runs(), divisor=divisor)  # type: ignore[arg-type]  # summarize checks it
    if form == "table":
        output().print(terminal.to_terminal(summary))
        return
    writers = {"csv": tables.to_csv, "md": tables.to_markdown, "latex": tables.to_latex, "json": tables.to_json}
    sys.stdout.write(writers[form](summary))


def print_results(results: Results) -> None:
    """Print what a study found and where the figure is, when its runs are done."""
    print_summary(results, "table", "n-1")
    path = results.box_plot()
    output().print(f"\nbox plot: {path} (its numbers: {path.with_suffix('.csv')})", markup=False, soft_wrap=True)
    output().print(f"more:     seedproof study summary {results.path} --format csv|md|latex|json", markup=False)
