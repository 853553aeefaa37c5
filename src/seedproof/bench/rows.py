"""Numbers of a table from single times: medians with their spread, ratios of medians, the lower bound beside each."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from seedproof.bench.contenders import Contender, Ratio, Trial
from seedproof.bench.roofline import Cost, Rates
from seedproof.bench.rounds import Series


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender. Times are seconds of one step of one run, with the whole machine at work."""

    contender: Contender
    members: int
    median: float | None
    low: float | None
    """The fastest repeat."""
    high: float | None
    peak: int
    """Bytes, all processes together."""
    arithmetic: float | None
    """Arithmetic, the first part of the lower bound."""
    traffic: float | None
    error: str | None = None

    @property
    def lower_bound(self) -> float | None:
        """Arithmetic and traffic one after the other."""
        return None if self.arithmetic is None or self.traffic is None else self.arithmetic + self.traffic


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A ratio of medians, or of peak memories."""

    ratio: Ratio
    value: float | None
    """None: one of the two failed."""
    over: str = ""
    """The contender that stands for its group: its fastest."""
    ours: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is; None: there is none, or nothing to compare."""
        return None if self.value is None or self.ratio.target is None else self.value >= self.ratio.target


def rows_of(series: Sequence[Series]) -> list[Row]:
    """The rows of a trial's table, in the order of its contenders; the machine's rates are no row."""
    rates = {one.contender.precision: one for one in series if one.contender.kind == "rates" and one.error is None}
    rows = []
    for one in series:
        if one.contender.kind == "rates":
            continue
        times = one.times() if one.error is None else []
        machine = rates.get(one.contender.precision)
        parts = cost_of(machine).seconds(rates_of(machine)) if machine and machine.blocks else (None, None)
        rows.append(
            Row(
                contender=one.contender,
                members=one.members,
                median=statistics.median(times) if times else None,
                low=min(times, default=None),
                high=max(times, default=None),
                peak=one.peak() if times else 0,
                arithmetic=parts[0],
                traffic=parts[1],
                error=one.error,
            )
        )
    return rows


def cost_of(machine: Series) -> Cost:
    """What one step needs."""
    return Cost(**machine.ready[0]["cost"])


def rates_of(machine: Series) -> Rates:
    """Medians over the repeats of the sums over all processes, which measure at the same time."""
    totals = [
        [sum(report["values"][key] for report in block) for block in machine.blocks] for key in ("flops", "bytes")
    ]
    return Rates(statistics.median(totals[0]), statistics.median(totals[1]))


def compare(trial: Trial, series: Sequence[Series]) -> list[Comparison]:
    """The ratios that the trial is made for; of each group its fastest contender counts."""
    found = []
    for ratio in trial.ratios:
        over, ours = best_of(ratio.over, series), best_of(ratio.ours, series)
        if over is None or ours is None:
            found.append(Comparison(ratio=ratio, value=None))
            continue
        value = _measure(over, ratio) / _measure(ours, ratio)
        found.append(Comparison(ratio=ratio, value=value, over=over.contender.name, ours=ours.contender.name))
    return found


def best_of(group: str, series: Sequence[Series]) -> Series | None:
    """The contender of a group with the least median time; None where none was timed."""
    able = [one for one in series if one.contender.group == group and one.error is None and one.blocks]
    return min(able, key=lambda one: statistics.median(one.times()), default=None)


def _measure(one: Series, ratio: Ratio) -> float:
    if ratio.of == "memory":  # of one run, beyond what a process has before it begins
        return one.peak("work") / (one.members * one.contender.processes)
    return statistics.median(one.times())
