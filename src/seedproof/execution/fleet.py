"""Execute many runs in one process, in step, with the fleet engine.

Runs arrive while others run: a run joins the fleet of its architecture, or founds one, at the next step. A run that is done
leaves, and another can take its place. Where memory runs out, half of a fleet steps aside with its state and comes back when
there is room; nothing is lost but time.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from seedproof.execution.arrivals import Arrivals
from seedproof.execution.plain import configure_process, prepare, write_weights
from seedproof.execution.session import Session
from seedproof.store import is_disk_full
from seedproof.training.engine import Record
from seedproof.training.fleet.engine import FleetEngine
from seedproof.training.fleet.member import Member
from seedproof.training.fleet.prediction import is_out_of_memory


@dataclass(eq=False, kw_only=True)
class _Run:
    """A run of the fleet, with what it takes to keep and finish it."""

    session: Session
    member: Member
    about: dict[str, Any]
    key: tuple[Any, ...]
    """Runs of one key fit into one fleet."""


class Fleet:
    """Executes all the runs that arrive, at once.

    Args:
        arrivals: where runs come from.
        should_stop: whether all runs are to end after their present step.
    """

    def __init__(self, arrivals: Arrivals[Any], should_stop: Callable[[], bool]) -> None:
        self._arrivals, self._should_stop = arrivals, should_stop
        self._engines: dict[tuple[Any, ...], FleetEngine] = {}
        self._new: deque[Session] = deque()
        """Arrived and not loaded yet."""
        self._joining: list[_Run] = []
        """Loaded, and not yet in a fleet."""
        self._runs: list[_Run] = []
        self._aside: deque[_Run] = deque()
        self._room: int | None = None
        """Members that memory holds, once it was found too small for more."""

    def execute(self) -> None:
        """Run until no more runs come and everything is done, it is told to stop, or the disk is full.

        An error that is none of a run's own, such as a full disk, ends all runs that are here.
        """
        while True:
            try:
                self._execute()
                return
            except Exception as error:
                sessions = self._let_all_go()
                for session in sessions:
                    session.crash(error)
                if is_disk_full(error):
                    return
                if not sessions:
                    raise
            except BaseException:  # a second Ctrl-C, where this is the process of a person
                for session in self._let_all_go():
                    session.interrupt()
                raise

    def _execute(self) -> None:
        while True:
            wait = not self._runs and not self._aside
            self._new.extend(self._arrivals.take(wait=wait))
            self._load_new()
            if self._should_stop():
                self._interrupt()
                return
            self._join()
            self._return_from_aside()
            if self._runs:
                self._step()
            elif self._arrivals.is_over and not self._aside:
                return

    # Arrivals.

    def _load_new(self) -> None:
        """Load those that have arrived, which takes long, as long as nobody stops it."""
        while self._new and not self._should_stop():
            if (run := self._load(self._new[0])) is not None:
                self._joining.append(run)
            self._new.popleft()

    def _load(self, session: Session) -> _Run | None:
        """The run at its first step, or where it goes on; None, and it has crashed, if it cannot be loaded."""
        spec = session.spec
        try:
            configure_process(spec.numerics)
            ready = prepare(spec, session.task, session.source, session.recording)
            member = Member(
                model=ready.model,
                recipe=ready.recipe,
                plan=ready.plan,
                data=ready.data,
                seeds=spec.seeds,
                probes=ready.probes,
            )
            if (checkpoint := session.resume()) is not None:
                member.step, member.resume = checkpoint.step, (dict(checkpoint.tensors), dict(checkpoint.values))
            key = (spec.model.fingerprint, session.task.num_labels, session.task.kind, spec.numerics)
            return _Run(session=session, member=member, about=ready.about, key=key)
        except (Exception, SystemExit) as error:
            session.crash(error)
            return None

    def _join(self) -> None:
        """Let loaded runs join the fleets of their kind; those that memory has shown no room for wait."""
        if self._room is not None:
            room = max(0, self._room - len(self._runs))
            self._aside.extend(self._joining[room:])
            del self._joining[room:]
        while self._joining:
            key = self._joining[0].key
            self._join_fleet(key, [run for run in self._joining if run.key == key])
            self._joining = [run for run in self._joining if run.key != key]

    def _join_fleet(self, key: tuple[Any, ...], group: list[_Run]) -> None:
        numerics = group[0].session.spec.numerics
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
            return
        self._runs += group
        for run, records in zip(group, seen, strict=True):
            self._record(run, records)

    def _refuse(self, runs: list[_Run], error: Exception) -> None:
        """Where memory holds no more members, new ones wait until others are done, or the half of them where there are no
        others; any other error is a crash."""
        if is_out_of_memory(error) and (self._runs or len(runs) > 1):
            self._room = len(self._runs) or len(runs) // 2
            self._aside.extend(runs)
            return
        for run in runs:
            run.session.crash(error)

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
                self._record(run, seen)
                if not run.member.is_done and run.session.is_save_due():
                    self._save(run)
            self._leave([run for run in group if self._is_leaving(run)], engine)
            self._finish([run for run in group if run.member.is_done], engine)
            if not engine.members:
                del self._engines[key]

    def _record(self, run: _Run, records: Sequence[Record]) -> None:
        run.session.record(run.member.step, run.member.steps, records)

    def _save(self, run: _Run) -> None:
        run.session.save(run.member.step, *self._engines[run.key].state(run.member))

    def _is_leaving(self, run: _Run) -> bool:
        return not run.member.is_done and run.session.is_leaving(run.member.step, run.member.steps)

    def _leave(self, runs: list[_Run], engine: FleetEngine) -> None:
        """Let go of runs that end, or pause, before their last step."""
        for run in runs:
            if run.session.stopped is None:
                self._save(run)
        engine.release([run.member for run in runs])
        for run in runs:
            try:
                run.session.leave(run.about)
            except Exception as error:
                if is_disk_full(error):
                    raise OSError(errno.ENOSPC, str(error)) from error
                run.session.crash(error)
            self._runs.remove(run)

    def _finish(self, runs: list[_Run], engine: FleetEngine) -> None:
        engine.release([run.member for run in runs])
        for run in runs:
            session, member = run.session, run.member
            try:
                if session.recording.weights:
                    write = partial(write_weights, member.model, session.source, member.recipe, member.data)
                    session.keep_weights(write)
                session.finish(member, run.about)
            except Exception as error:
                if is_disk_full(error):
                    raise OSError(errno.ENOSPC, str(error)) from error  # libraries in Rust raise their own types
                session.crash(error)
            self._runs.remove(run)

    # Ends that are no finish.

    def _interrupt(self) -> None:
        """Save what is older than the checkpoint interval, and let go of everything."""
        while self._runs:
            run = self._runs[0]
            if run.session.is_save_due(stopping=True):
                self._save(run)
            self._runs.remove(run)
            run.session.interrupt()
        for session in self._let_all_go():
            session.interrupt()

    def _let_all_go(self) -> list[Session]:
        """The sessions of all runs that are here, of which nothing is known any more."""
        sessions = [*self._new, *(run.session for run in [*self._joining, *self._runs, *self._aside])]
        for held in (self._new, self._joining, self._runs, self._aside, self._engines):
            held.clear()
        return list(dict.fromkeys(sessions))  # one that was just on its way may be in two places

    def _crash(self, runs: list[_Run], error: Exception) -> None:
        for run in runs:
            self._runs.remove(run)
            run.session.crash(error)
        self._engines.pop(runs[0].key)

    def _step_aside(self, engine: FleetEngine, runs: list[_Run]) -> None:
        """Make room: the later half of a fleet waits, with its state, until others are done."""
        waiting = runs[(len(runs) + 1) // 2 :]
        for run in waiting:
            run.member.resume = engine.state(run.member)
            self._aside.append(run)
            self._runs.remove(run)
        engine.release([run.member for run in waiting])
        self._room = len(runs) - len(waiting)

    def _return_from_aside(self) -> None:
        room = 0 if self._room is None else self._room - len(self._runs)
        for _ in range(min(room, len(self._aside))):
            self._joining.append(self._aside[0])
            self._aside.popleft()
        self._join()
