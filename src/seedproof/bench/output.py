"""What a benchmark says: a table on the terminal, and a JSON file with every single time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape
from rich.table import Table

from seedproof.bench.contenders import Trial
from seedproof.bench.rounds import Series
from seedproof.bench.rows import Comparison, Row, best_of, compare, cost_of, rates_of, rows_of
from seedproof.report.console import Console

FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """A trial with what was seen."""

    trial: Trial
    series: list[Series]

    @property
    def rows(self) -> list[Row]:
        """One per contender."""
        return rows_of(self.series)

    @property
    def comparisons(self) -> list[Comparison]:
        """The ratios."""
        return compare(self.trial, self.series)

    def times(self, group: str) -> list[float]:
        """Times of a group's fastest contender."""
        best = best_of(group, self.series)
        return best.times() if best else []


@dataclass
class Report:
    """Everything that a benchmark found."""

    command: str
    versions: dict[str, str | None]
    hardware: dict[str, Any]
    repeats: int
    outcomes: list[Outcome] = field(default_factory=list)
    stores: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, with every single time."""
        head = {"format": FORMAT, **{key: getattr(self, key) for key in ("command", "versions", "hardware", "repeats")}}
        trials = [_trial_json(outcome) for outcome in self.outcomes]
        return {**head, "trials": trials, "stores": self.stores, "notes": self.notes}

    def print_rest(self, console: Console) -> None:
        """What is no trial's: growing stores, notes, and the machine."""
        if self.stores:
            table = Table("store", "command", "seconds", "", title="growth: store", title_justify="left", box=None)
            for row in self.stores:
                spread = f"{min(row['seconds']):.2f} to {max(row['seconds']):.2f}"
                table.add_row(f"{row['runs']} runs", row["command"], f"{row['median']:.2f}", spread)
            console.print(table)
        versions = ", ".join(f"{name} {found}" for name, found in self.versions.items() if found)
        machine = ", ".join(f"{name} {found}" for name, found in self.hardware.items())
        legend = "bound: least time, arithmetic + optimizer's traffic, over the matmul and copy rates measured in the same run"
        for note in (*self.notes, legend, versions, machine):
            console.print(note, markup=False, soft_wrap=True)


def print_outcome(console: Console, outcome: Outcome) -> None:
    """A trial's table with its ratios below."""
    trial = outcome.trial
    columns = ("contender", "layout", f"ms per {trial.unit}", "fastest to slowest", "bound ms", "x bound", "memory GB")
    title = escape(f"{trial.name}: {trial.problem}")
    table = Table(*columns, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for row in outcome.rows:
        table.add_row(*map(escape, _cells(row)))
    console.print(table)
    for one in outcome.comparisons:
        console.print(f"  {_sentence(one)}", markup=False, soft_wrap=True)
    for note in trial.notes:
        console.print(f"  {note}", markup=False, soft_wrap=True)
    for row in outcome.rows:
        if row.error:
            console.print(f"  {row.contender.name} failed: {row.error}", markup=False, soft_wrap=True)
    console.print()


def _cells(row: Row) -> list[str]:
    layout = dataclasses.replace(row.contender, members=row.members).layout
    if row.median is None or row.low is None or row.high is None:
        return [row.contender.name, layout, "failed", "", "", "", ""]
    cells = [row.contender.name, layout, f"{1e3 * row.median:.4g}", f"{1e3 * row.low:.4g} to {1e3 * row.high:.4g}"]
    if row.lower_bound is None or row.arithmetic is None or row.traffic is None or row.contender.whole:
        cells += ["", ""]
    else:
        cells += [f"{1e3 * row.arithmetic:.3g} + {1e3 * row.traffic:.3g}", f"{row.median / row.lower_bound:.1f}"]
    return [*cells, f"{row.peak / 1e9:.2f}"]


def _sentence(one: Comparison) -> str:
    what = "memory of a run" if one.ratio.of == "memory" else "time"
    if one.value is None:
        return f"{what}, {one.ratio.over} / {one.ratio.ours}: not measured"
    target = (
        "" if one.ratio.target is None else f" (target {one.ratio.target:.3g}: {'met' if one.is_met else 'missed'})"
    )
    return f"{what}, {one.over} / {one.ours}: {one.value:.2f}{target}"


def _trial_json(outcome: Outcome) -> dict[str, Any]:
    trial = outcome.trial
    contenders = []
    for one in outcome.series:
        entry = {**one.contender.to_json(), "members": one.members, "error": one.error, "blocks": one.blocks}
        if one.contender.kind == "rates" and one.blocks:
            entry |= {"cost": dataclasses.asdict(cost_of(one)), "rates": dataclasses.asdict(rates_of(one))}
        elif one.blocks:
            entry["step_seconds"] = one.times()
        contenders.append(entry)
    keys = ("name", "steps", "warmup", "unit", "notes")
    return {
        **{key: getattr(trial, key) for key in keys},
        "problem": dataclasses.asdict(trial.problem),
        "contenders": contenders,
        "ratios": [dataclasses.asdict(one) for one in outcome.comparisons],
    }
