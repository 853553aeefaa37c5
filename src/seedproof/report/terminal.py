"""The summary of a study for a terminal: readable from 80 columns, wider where there is room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seedproof.report import wording

_WIDE = 112
"""Columns from which an interval stands beside its number instead of under it."""
_NARROW = 80
"""Columns below which each recipe gets an upright table: rich would leave out columns that must not wrap."""
_FAILED = "×"


class TerminalSummary:
    """A rich renderable that lays itself out for the width it is given."""

    def __init__(self, summary: pd.DataFrame) -> None:
        self._summary = summary
        self._caption = wording.caption(summary)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Per task and model: a table of the recipes, the notes, and every run's value."""
        joint = " " if options.max_width >= _WIDE else "\n"
        for rows in wording.panels(self._summary):
            yield Text(wording.title(rows), style="bold")
            yield from _upright(rows) if options.max_width < _NARROW else [_statistics(rows, joint)]
            yield _every_run(rows)
            yield from (Text(f"! {note}", style="yellow") for note in wording.notes(rows))
            yield Text()
        yield Text(f"{_FAILED} failed. {self._caption}", style="dim")


def to_terminal(summary: pd.DataFrame) -> RenderableType:
    """The summary as something a :class:`rich.console.Console` prints.

    Raises:
        UserError: the summary has no row.
    """
    return Group(TerminalSummary(summary))


def _statistics(rows: pd.DataFrame, joint: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("recipe", overflow="fold", min_width=14)
    for heading in ("failed", "mean", "SD", "median", "max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in wording.records(rows):
        if not row["finished"]:  # there is nothing to say about it yet
            table.add_row(Text(row["recipe"], style="bold"), "none finished", *["–"] * 4, end_section=True)
            continue
        # Text, not strings: brackets in a label or an interval are no markup.
        table.add_row(Text(row["recipe"], style="bold"), Text(wording.failed(row, joint)), *_scores(row, "", joint))
        success = Text(wording.given_success(row), style="dim")
        table.add_row(success, "", *_scores(row, "succeeded_", joint), end_section=True)
    return table


def _upright(rows: pd.DataFrame) -> Iterator[Table]:
    """A table per recipe with the statistics below one another."""
    for row in wording.records(rows):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        table.add_column(Text(row["recipe"]), overflow="fold", max_width=18)
        for heading in (f"failed {wording.failed(row)}", wording.given_success(row)):
            table.add_column(Text(heading), justify="right", overflow="fold")
        pairs = zip(_scores(row, "", "\n"), _scores(row, "succeeded_", "\n"), strict=True)
        for name, pair in zip(("mean", "SD", "median", "max"), pairs, strict=True):
            table.add_row(name, *pair)
        yield table


def _scores(row: dict[str, Any], prefix: str, joint: str) -> list[Text]:
    if prefix and not row["succeeded"]:
        return [Text("–")] * 4
    cells = [Text(wording.with_interval(row, prefix + name, joint)) for name in ("mean", "sd")]
    return [*cells, *(Text(wording.statistic(row, prefix + name)) for name in ("median", "maximum"))]


def _every_run(rows: pd.DataFrame) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=24, overflow="fold")
    grid.add_column()
    for row in wording.records(rows):
        values = Text()
        for position, value in enumerate(wording.every_run(row, _FAILED)):
            style = "red" if value.endswith(_FAILED) else "yellow" if value.endswith(wording.NEAR) else ""
            values.append(" " if position else "").append(value, style=style)
        values.append(wording.endings(row), style="dim")
        grid.add_row(Text(row["recipe"]), values if row["values"] else Text("no run has finished"))
    return Padding(Group(Text("every run, in the order of the seeds", style="dim"), grid), (0, 0, 0, 2))
