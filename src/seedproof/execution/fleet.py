"""Execute many runs of a store in one process, in step: the work of a worker that was started with ``--members``.

Orders arrive while others run: a run joins the fleet of its architecture, or founds one, at the next step. A run that is
done leaves, and the launcher hands out another. Where memory runs out, half of a fleet steps aside with its state and
comes back when there is room; nothing is lost but time.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError
from seedproof.execution import environment
from seedproof.execution.outcome import Stopwatch, make_result
from seedproof.execution.plain import (
    Prepared,
    checkpoint_values,
    configure_process,
    keep_records,
    model_source,
    prepare,
    read_task,
    save_weights,
    usable_checkpoint,
)
from seedproof.execution.recording import Recording
from seedproof.store import Held, RunFolder, Store, is_disk_full
from seedproof.training.fleet.engine import FleetEngine
from seedproof.training.fleet.member import Member
from seedproof.training.fleet.prediction import is_out_of_memory

if TYPE_CHECKING:
    from seedproof.launch.worker import Worker

TOGETHER_SECONDS = 0.1
"""How long to wait for the next of several orders."""

Orders = queue.SimpleQueue["tuple[str, bool] | None"]


@dataclass(eq=False, kw_only=True)
class _Run:
    """A run of the fleet, with what a worker must know to keep and finish it."""

    folder: RunFolder
    lock: contextlib.ExitStack
    member: Member
    about: dict[str, Any]
    key: tuple[Any, ...]
    """Runs of one key fit into one fleet."""
    watch: Stopwatch = field(default_factory=Stopwatch)
    saved: float = field(default_factory=time.monotonic)


class FleetWorker:
    """Executes the runs it is ordered to, all at once."""

    def __init__(self, worker: Worker, store: Store, should_stop: Callable[[], bool]) -> None:
        self._worker, self._store, self._should_stop = worker, store, should_stop
        self._recording = Recording.read(store.path)
        self._engines: dict[tuple[Any, ...], FleetEngine] = {}
        self._runs: list[_Run] = []
        self._aside: deque[_Run] = deque()
        self._room: int | None = None
        """Members that memory holds, once it was found too small for more."""

    def serve(self, orders: Orders) -> None:
        """Run until told to end and everything is done, told to stop, or the disk is full."""
        try:
            self._serve(orders)
        except OSError as error:
            if not is_disk_full(error):
                raise
            self._give_up(error)

    def _serve(self, orders: Orders) -> None:
        is_ending = False
        while True:
            is_ending = self._take(orders, wait=not self._runs and not self._aside and not is_ending) or is_ending
            if self._should_stop():
                self._interrupt()
                return
            self._return_from_aside()
            if not self._runs:
                if is_ending:
                    return
                continue
            self._step()

    # Orders.

    def _take(self, orders: Orders, *, wait: bool) -> bool:
        """Take in all runs that are ordered by now; whether the order to end was among them."""
        new: list[_Run] = []
        is_ending = False
        with contextlib.suppress(queue.Empty):
            while not is_ending:
                # Those that were ordered together join together, so that they stay in step.
                order = orders.get() if wait and not new else orders.get(timeout=TOGETHER_SECONDS if new else 0)
                is_ending = order is None
                if order is not None and (run := self._start(order[0])) is not None:
                    new.append(run)
        self._join(new)
        return is_ending

    def _start(self, run_id: str) -> _Run | None:
        """Lock and load a run. None, after reporting why, if it is held, finished or unloadable."""
        folder, lock = self._store.run(run_id), contextlib.ExitStack()
        try:
            lock.enter_context(folder.hold())
        except Held as error:
            self._worker.send("held", run_id, message=str(error))
            return None
        except (OSError, UserError) as error:
            self._worker.refuse(folder, error)
            return None
        try:
            if folder.is_finished:  # another launcher was faster
                self._worker.send_finished(folder)
                lock.close()
                return None
            folder.add_attempt_event("start", environment=environment.present())
            self._worker.send("started", run_id)
            return self._load(folder, lock)
        except (Exception, SystemExit) as error:
            self._worker.note_crash(folder, error)
        lock.close()
        return None

    def _load(self, folder: RunFolder, lock: contextlib.ExitStack) -> _Run:
        spec = folder.spec
        configure_process(spec.numerics)
        source = model_source(self._store, spec.model)
        task = read_task(self._store.task_folder(spec.task.fingerprint))
        ready: Prepared = prepare(spec, task, source, self._recording)
        member = Member(
            model=ready.model,
            recipe=ready.recipe,
            plan=ready.plan,
            data=ready.data,
            dropout_seed=spec.seeds.dropout,
            probes=ready.probes,
        )
        report = partial(self._worker.report, folder.id)
        if (checkpoint := usable_checkpoint(folder, self._recording, report)) is not None:
            member.step, member.resume = checkpoint[0], checkpoint[1:]
        key = (spec.model.fingerprint, task.num_labels, task.kind, spec.numerics)
        return _Run(folder=folder, lock=lock, member=member, about=ready.about, key=key)

    def _join(self, runs: list[_Run]) -> None:
        """Let runs join the fleets of their kind; those that memory has shown no room for wait."""
        if self._room is not None:
            room = max(0, self._room - len(self._runs))
            runs, waiting = runs[:room], runs[room:]
            self._aside.extend(waiting)
        for key in dict.fromkeys(run.key for run in runs):
            group = [run for run in runs if run.key == key]
            numerics = group[0].folder.spec.numerics
            if key not in self._engines:
                self._engines[key] = FleetEngine(
                    group[0].member.model, precision=numerics.precision, device=numerics.device
                )
            try:
                seen = self._engines[key].join([run.member for run in group])
            except Exception as error:
                self._refuse(group, error)
                if not self._engines[key].members:
                    del self._engines[key]
                continue
            self._runs += group
            for run, records in zip(group, seen, strict=True):
                keep_records(run.folder, records)

    def _refuse(self, runs: list[_Run], error: Exception) -> None:
        """Where memory holds no more members, new ones wait until others are done; any other error is a crash."""
        if is_out_of_memory(error) and self._runs:
            self._room = len(self._runs)
            self._aside.extend(runs)
            return
        for run in runs:
            self._worker.note_crash(run.folder, error)
            run.lock.close()

    # Steps.

    def _step(self) -> None:
        """One step of every fleet."""
        for key, engine in list(self._engines.items()):
            runs = {id(run.member): run for run in self._runs if run.key == key}
            group = [runs[id(member)] for member in engine.members]
            try:
                records = engine.train_step()
            except Exception as error:
                if not is_out_of_memory(error) or len(group) == 1:
                    self._crash(group, error)
                else:
                    self._step_aside(engine, group)
                continue
            for run, seen in zip(group, records, strict=True):
                self._keep(run, seen)
            self._finish([run for run in group if run.member.is_done], engine)
            if not engine.members:
                del self._engines[key]

    def _keep(self, run: _Run, records: list[Any]) -> None:
        loss, member = keep_records(run.folder, records), run.member
        event = {"event": "progress", "step": member.step, "steps": member.steps, "loss": loss}
        self._worker.report(run.folder.id, event)
        if not member.is_done and time.monotonic() - run.saved >= self._recording.checkpoint_seconds:
            self._save(run)

    def _save(self, run: _Run) -> None:
        tensors, extra = self._engines[run.key].state(run.member)
        run.folder.save_checkpoint(run.member.step, tensors, checkpoint_values(extra, self._recording))
        run.saved = time.monotonic()

    def _finish(self, runs: list[_Run], engine: FleetEngine) -> None:
        engine.release([run.member for run in runs])
        for run in runs:
            self._runs.remove(run)
            try:
                spec = run.folder.spec
                if self._recording.weights:
                    source, member = model_source(self._store, spec.model), run.member
                    save_weights(member.model, source, run.folder.weights, member.recipe, member.data)
                run.folder.journal.flush()
                task = read_task(self._store.task_folder(spec.task.fingerprint))
                run.folder.finish(make_result(run.member, run.folder, task, run.about, self._recording, run.watch))
                self._worker.send_finished(run.folder)
            except Exception as error:
                if is_disk_full(error):
                    self._runs.append(run)
                    raise OSError(errno.ENOSPC, str(error)) from error  # libraries in Rust raise their own types
                self._worker.note_crash(run.folder, error)
            run.lock.close()

    # Ends that are no finish.

    def _interrupt(self) -> None:
        """Save what is older than the checkpoint interval, and let go of everything."""
        while waiting := [*self._runs, *self._aside]:
            run = waiting[0]
            if run in self._runs and run.watch.seconds >= self._recording.checkpoint_seconds:
                self._save(run)
            run.folder.journal.flush()
            run.folder.add_attempt_event("interrupted")
            self._let_go(run)

    def _let_go(self, run: _Run) -> None:
        self._worker.send("interrupted", run.folder.id)
        (self._runs if run in self._runs else self._aside).remove(run)
        run.lock.close()

    def _give_up(self, error: OSError) -> None:
        """No run has a fault where the disk is full: each goes on from its last checkpoint when there is room."""
        for run in [*self._runs, *self._aside]:
            with contextlib.suppress(OSError):
                run.folder.add_attempt_event("interrupted", message=str(error))
            self._let_go(run)
        self._worker.send("disk_full", "")

    def _crash(self, runs: list[_Run], error: Exception) -> None:
        for run in runs:
            self._runs.remove(run)
            self._worker.note_crash(run.folder, error)
            run.lock.close()
        self._engines.pop(runs[0].key)

    def _step_aside(self, engine: FleetEngine, runs: list[_Run]) -> None:
        """Make room: the later half of a fleet waits, with its state, until others are done."""
        waiting = runs[(len(runs) + 1) // 2 :]
        for run in waiting:
            run.member.resume = engine.state(run.member)
            self._runs.remove(run)
        engine.release([run.member for run in waiting])
        self._aside.extend(waiting)
        self._room = len(runs) - len(waiting)

    def _return_from_aside(self) -> None:
        room = 0 if self._room is None else self._room - len(self._runs)
        back = [self._aside.popleft() for _ in range(min(room, len(self._aside)))]
        self._join(back)
