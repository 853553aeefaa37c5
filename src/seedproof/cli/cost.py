"""What a reproduction will take on this machine: every cell, what is missing, time and disk."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seedproof.cli.quantities import disk_in_words, runs_in_words
from seedproof.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedproof.launch.base import Launcher
    from seedproof.paper.figure import Figure
    from seedproof.paper.paths import Paths
    from seedproof.paper.scale import Scale
    from seedproof.spec import Numerics


class Executed(NamedTuple):
    """How runs would be executed."""

    numerics: Numerics
    workers: int
    """Runs, or fleets of them, at a time."""


def executed(out: Path | None, jobs: int | None, numerics: dict[str, Any], launcher: Launcher) -> Executed:
    """How a reproduction would be executed here; an existing folder keeps its numerics."""
    from seedproof.study.given import study_in
    from seedproof.study.numerics import choose_numerics

    chosen = choose_numerics(launcher, **{**numerics, "engine": numerics["engine"] or "fleet"})
    store = study_in(out)
    kept = chosen if store is None else store.numerics
    return Executed(kept, jobs or launcher.default_jobs(kept))


def print_cost(
    figures: Sequence[Figure], scale: Scale, paths: Paths, out: Path | None, how: Executed, *, err: bool = False
) -> None:
    """Print what is known before anything runs; what is finished in the folder costs nothing more. Asks no network."""
    from seedproof.execution.counting import wall_seconds
    from seedproof.paper.estimate import estimate
    from seedproof.paper.here import FLEET_GAIN, missing, speed
    from seedproof.paper.reproduce import every_figure
    from seedproof.report.progress import duration

    tell, engine, device = partial(say, err=err), how.numerics.engine, how.numerics.device
    whole = estimate(figures, scale, every_figure(scale))
    roles = dict.fromkeys(block.task for figure in figures for block in figure.blocks(scale))
    found = speed(scale, how.numerics, paths, list(roles)) if whole.runs else None
    gain = FLEET_GAIN if engine == "fleet" and device == "cpu" and scale.is_miniature else 1.0
    left = _print_cells(figures, scale, paths, out, lambda task: found.of(task) / gain if found else 1.0, tell)
    factor = found.factor if found else 1.0
    measuring = _print_measurements(figures, scale, out, factor, tell)
    for line in missing(figures, scale, paths):
        tell(f"missing: {line}")
    finished = f", {left.finished:,} of them finished" if left.finished else ""
    tell(f"{runs_in_words(whole.runs)} in all{finished}, {whole.steps:,} steps")
    runs = whole.runs - left.finished
    workers = min(how.workers, runs) if runs else how.workers  # others train nothing; a measurement has many parts
    wall = wall_seconds(left.seconds, runs, workers) + measuring / how.workers
    tell(
        f"estimate for this machine ({device}, engine {engine}): {duration(wall)} with {workers} at a time, "
        f"{disk_in_words(left.disk_bytes)} of disk"
    )
    if found:
        fleet = f"; the fleet taken as {gain:g} times as fast (docs/performance.md)" if gain > 1 else ""
        tell(
            f"  training {duration(left.seconds)} and measuring {duration(measuring)} one after the other, from {found.source}"
            f"{fleet}; it may be twice as much or half"
        )


def _print_measurements(
    figures: Sequence[Figure], scale: Scale, out: Path | None, factor: float, tell: Callable[[str], None]
) -> float:
    """Print what is measured, and return the seconds of what is not finished."""
    from seedproof.paper.estimate import measured
    from seedproof.paper.figure import get_figure
    from seedproof.paper.folder import finished_figures
    from seedproof.report.progress import duration

    made = [] if out is None else finished_figures(out, scale)
    done, left = measured([get_figure(name) for name in made], scale), 0.0
    for what, seconds in measured(figures, scale).items():
        state = "finished" if what in done else f"about {duration(seconds * factor)}"
        tell(f"measurement: {what}, {state}")
        left += 0.0 if what in done else seconds * factor
    return left


class _Left(NamedTuple):
    """What is left to train."""

    seconds: float
    disk_bytes: float
    finished: int
    """Runs that are not."""


def _print_cells(
    figures: Sequence[Figure],
    scale: Scale,
    paths: Paths,
    out: Path | None,
    factor: Callable[[str], float],
    tell: Callable[[str], None],
) -> _Left:
    """Print every cell with its runs, and return the sums over those that are not finished."""
    from seedproof.paper.estimate import plan_table
    from seedproof.paper.folder import finished_runs, run_names
    from seedproof.paper.reproduce import every_figure
    from seedproof.report.progress import duration

    done = {} if out is None else finished_runs(out, scale, paths)
    all_seconds, disk_bytes, all_finished = 0.0, 0.0, 0
    for row in plan_table(figures, scale, every_figure(scale)).to_dict("records"):
        names = [run_names(row["task"], row["model"], row["recipe"], seed) for seed in row["seeds"].split()]
        finished = sum(done.get(name, False) for name in names)
        seconds, share = row["seconds"] * factor(row["task"]), 1 - finished / row["runs"]
        all_seconds, disk_bytes = all_seconds + share * seconds, disk_bytes + share * row["mib"] * 2**20
        all_finished += finished
        kept = ", weights kept" if row["weights"] else ""
        state = f"{finished} finished" if finished else f"ids {row['ids']}"
        tell(
            f"{row['task']}, {row['model']}, {row['recipe']}: {runs_in_words(row['runs'])} of {row['steps']:,} steps, about "
            f"{duration(seconds)} in all{kept}; {state} ({row['figures']})"
        )
    return _Left(all_seconds, disk_bytes, all_finished)
