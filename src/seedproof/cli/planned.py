"""What is printed of a study before its runs: what is to be known of them, which there are, and what they will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from seedproof.cli.quantities import disk_in_words, runs_in_words
from seedproof.cli.streams import say
from seedproof.printable import counted

if TYPE_CHECKING:
    from seedproof.execution.recording import Recording
    from seedproof.execution.timing import Estimate
    from seedproof.launch.base import Launcher
    from seedproof.models.source import ModelSource
    from seedproof.spec import Numerics
    from seedproof.store import State, Store
    from seedproof.study.planning import PlannedRun
    from seedproof.tasks import Task
    from seedproof.tasks.parsing import Parsing


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
    _print_found(runs, states, again)


def _print_found(runs: Sequence[PlannedRun], states: Mapping[str, State], again: Collection[str]) -> None:
    """Print how many of the runs there are already, and what is left."""
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
    from seedproof.execution.counting import wall_seconds
    from seedproof.report.progress import duration

    if not estimate.timed:
        say("nothing is left to do")
        return
    workers = min(jobs or launcher.default_jobs(numerics), estimate.runs)  # more have nothing to do
    steps = ", ".join(f"{1000 * timed.seconds:.3g} ms" for timed in estimate.timed)
    counted = " and ".join(sorted({str(timed.steps) for timed in estimate.timed}))
    fleet = "; fleets, which were asked for, take less" if has_fleet else ""
    say(
        f"estimate for this machine: {duration(wall_seconds(estimate.seconds, estimate.runs, workers))} with {workers} at a "
        f"time, {disk_in_words(estimate.disk_bytes)} of disk"
    )
    say(
        f"  from a step's {steps} just now (median of {counted} by the plain engine on {numerics.device}, alone{fleet}); several "
        "at a time and other work on the machine may double it"
    )
