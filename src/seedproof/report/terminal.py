"""The summary of a study for a terminal: readable from 80 columns, wider where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seedproof.analysis.answer import Answer, answers
from seedproof.report import wording
from seedproof.report.answers import difference_notes, difference_rows, headings, title

_WIDE = 112
"""Columns from which an interval stands beside its number instead of under it."""
_FAILED = "×"


class TerminalSummary:
    """A rich renderable that lays itself out for the width it is given."""

    def __init__(self, summary: pd.DataFrame, baseline: str | None = None) -> None:
        self._summary = summary
        self._caption = wording.caption(summary)
        self._answers = answers(summary, baseline)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The answers; then per task and model tables of the recipes and their differences, notes, and every run's value."""
        joint = " " if options.max_width >= _WIDE else "\n"
        yield _sentences(self._answers)
        for rows, answer in zip(wording.panels(self._summary), self._answers, strict=True):
            yield Text(wording.title(rows), style="bold")
            table = _statistics(rows, joint)
            # A name is never cut in the middle of a word, and rich would leave out columns that must not wrap.
            needed = Measurement.get(console, options.update(width=10_000), table).minimum
            yield from [table] if needed <= options.max_width else _upright(rows)
            if difference_rows(answer):
                yield Text()
                yield _differences(answer, joint)
            yield _every_run(rows, options.max_width)
            notes = [*wording.advice(rows), *wording.notes(rows), *difference_notes(answer)]
            yield from (Text(f"! {note}", style="yellow") for note in notes)
            yield Text()
        yield Text(f"{_FAILED} failed. {self._caption}", style="dim")


def to_terminal(summary: pd.DataFrame, baseline: str | None = None) -> RenderableType:
    """The summary as something a :class:`rich.console.Console` prints.

    Args:
        summary: of :func:`seedproof.analysis.summarize`.
        baseline: as for :func:`seedproof.analysis.answers`.

    Raises:
        UserError: the summary has no row, or no task was run with ``baseline``.
    """
    return Group(TerminalSummary(summary, baseline))


def _sentences(found: Sequence[Answer]) -> Padding:
    lines = [Text.assemble((f"{title(answer)}: ", "bold"), answer.sentence) for answer in found]
    return Padding(Group(*lines), (0, 0, 1, 0))


def _differences(answer: Answer, joint: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    first, *others = headings(answer)
    table.add_column(Text(first), overflow="fold", min_width=14)
    for heading in others:
        table.add_column(Text(heading), justify="right", overflow="fold")
    for row in difference_rows(answer, joint):
        table.add_row(*map(Text, row))
    return table


def _statistics(rows: pd.DataFrame, joint: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("recipe", overflow="fold", min_width=max(14, _longest_word(rows)))
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


def _longest_word(rows: pd.DataFrame) -> int:
    return max(len(word) for name in rows["recipe"] for word in name.split())


def _upright(rows: pd.DataFrame) -> Iterator[RenderableType]:
    """A table per recipe with the statistics below one another."""
    for row in wording.records(rows):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        table.add_column()
        for heading in (f"failed {wording.failed(row)}", wording.given_success(row)):
            table.add_column(Text(heading), justify="right", overflow="fold")
        pairs = zip(_scores(row, "", "\n"), _scores(row, "succeeded_", "\n"), strict=True)
        for name, pair in zip(("mean", "SD", "median", "max"), pairs, strict=True):
            table.add_row(name, *pair)
        yield Text(row["recipe"], style="bold")
        yield table


def _scores(row: dict[str, Any], prefix: str, joint: str) -> list[Text]:
    if prefix and not row["succeeded"]:
        return [Text("–")] * 4
    cells = [Text(wording.with_interval(row, prefix + name, joint)) for name in ("mean", "sd")]
    return [*cells, *(Text(wording.statistic(row, prefix + name)) for name in ("median", "maximum"))]


def _every_run(rows: pd.DataFrame, width: int) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=min(max(24, _longest_word(rows)), width // 2), overflow="fold")
    grid.add_column()
    for row in wording.records(rows):
        values = Text()
        for position, value in enumerate(wording.every_run(row, _FAILED)):
            style = "red" if value.endswith(_FAILED) else "yellow" if value.endswith(wording.NEAR) else ""
            values.append(" " if position else "").append(value, style=style)
        values.append(wording.endings(row), style="dim")
        grid.add_row(Text(row["recipe"]), values if row["values"] else Text("no run has finished"))
    return Padding(Group(Text("every run, in the order of the seeds", style="dim"), grid), (0, 0, 0, 2))
