"""Executing what a study made ready: the runs that are left, with its progress shown, and its race held."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from seedproof.events import Listener, all_of
from seedproof.execution.race import Race
from seedproof.execution.recording import Recording
from seedproof.launch.base import Launcher, Work
from seedproof.report.progress import Progress
from seedproof.spec import RunSpec
from seedproof.store import Store
from seedproof.store.checked import STOPPED
from seedproof.study.left import what_is_left
from seedproof.study.planning import PlannedRun
from seedproof.study.racing import not_waiting, settle


def execute(
    store: Store,
    runs: Sequence[PlannedRun],
    race: Race | None,
    *,
    jobs: int | None,
    launcher: Launcher,
    listeners: Sequence[Listener],
    progress: bool,
) -> None:
    """Run what is left of planned runs; finished ones that lack a recording the study wants by now are done again.

    Args:
        store: that :meth:`seedproof.Study.prepare` made ready.
        runs: of it, as it names them.
        race: of the study; None lets every run go to its end.
        jobs, launcher, listeners, progress: as of :meth:`seedproof.Study.run`.

    Raises:
        seedproof.launch.StudyInterrupted: Ctrl-C; the same call goes on from there.
    """
    left = what_is_left(store, runs, Recording.read(store.path))
    todo = tuple(left.specs)
    work = Work(store=store, specs=todo, repeat=left.again, jobs=jobs, weight_bytes=_sizes(store, todo))
    with ExitStack() as shown:
        display = [shown.enter_context(_display(store, runs, todo))] if progress else []
        tell = all_of([*listeners, *display])
        if race is None:
            launcher.run(work, tell)
        else:
            _hold(race, work, runs, launcher, tell)


def _display(store: Store, runs: Sequence[PlannedRun], todo: Sequence[RunSpec]) -> Progress:
    """The progress of the whole study, from what is finished of it."""
    labels = {run.spec.id: f"{run.cell.task} {run.cell.recipe} seed {run.cell.seed}" for run in runs}
    going = {spec.id for spec in todo}
    done = Counter(store.run(id_).result()["outcome"] for id_ in labels if id_ not in going)
    return Progress(len(labels), finished=done.total(), failed=done["failed"], stopped=done[STOPPED], labels=labels)


def _hold(race: Race, work: Work, runs: Sequence[PlannedRun], launcher: Launcher, tell: Listener) -> None:
    """Run to where the race is decided, decide it, and run those that go on to their end."""
    store, again = work.store, [spec for spec in work.specs if spec.id in work.repeat]
    first = (*not_waiting(store, work.specs), *again)
    ended = launcher.run(dataclasses.replace(work, specs=first), tell)
    settle(store, runs, race, tell)
    over = {*ended.crashed, *ended.held}
    specs = tuple(spec for spec in not_waiting(store, work.specs) if spec.id not in over)
    if specs:
        launcher.run(dataclasses.replace(work, specs=specs, repeat=frozenset()), tell)


def _sizes(store: Store, specs: Sequence[RunSpec]) -> dict[str, int]:
    """Size of the weights of the models that a fleet is to train, by fingerprint."""
    from seedproof.execution.inputs import model_source

    models = {spec.model.fingerprint: spec.model for spec in specs if spec.numerics.engine == "fleet"}
    return {fingerprint: model_source(store, model).weight_bytes for fingerprint, model in models.items()}
