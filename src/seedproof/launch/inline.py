"""Runs in this process, one after another, or a fleet of them in step: for debuggers, notebooks and tests."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event, Listener, is_end, throttled
from seedproof.execution import environment
from seedproof.execution.run_session import RunSession
from seedproof.execution.session import Session
from seedproof.launch.base import Launcher, Work
from seedproof.launch.placement import Placement, place
from seedproof.launch.signals import caught
from seedproof.launch.tally import Summary, Tally
from seedproof.machine import Machine, this_machine
from seedproof.spec import Numerics


class InlineLauncher(Launcher):
    """This process. A breakpoint in a method or a probe is reached, and nothing has to be importable by another process.

    A run that takes the process with it (a lack of memory, a fault in a library) ends the launch; it goes on from its last
    checkpoint the next time.

    Args:
        executor: executes one run; None: the plain engine.
    """

    name = "inline"
    is_here = True

    def __init__(self, *, executor: Callable[[Session], None] | None = None) -> None:
        self._executor = executor

    def machine(self) -> Machine:
        """This machine."""
        return this_machine()

    def check_jobs(self, jobs: int | None) -> None:
        """Refuse more than one worker: there is one process."""
        super().check_jobs(jobs)
        if jobs is not None and jobs > 1:
            raise UserError(
                f"the launcher 'inline' executes runs in this process, one after another, so jobs = {jobs} is not possible; "
                "leave jobs out, or choose the launcher 'local'"
            )

    def default_jobs(self, numerics: Numerics) -> int:  # noqa: ARG002 - whatever they are
        """One: there is one process."""
        return 1

    def run(self, work: Work, listener: Listener) -> Summary:
        """Execute runs in this process; its threads and settings are as before when they are done.

        Raises:
            StudyInterrupted, UserError: as :meth:`Launcher.run`.
        """
        from seedproof.execution.plain import settings_restored

        self.check_jobs(work.jobs)
        tally = Tally(work)
        heard = _Heard(tally, listener)
        with caught(heard.on_signal), settings_restored():
            try:
                self._execute(work, tally, heard)
            except KeyboardInterrupt:  # the second Ctrl-C; the runs are interrupted
                tally.is_stopping = True
        if heard.error is not None:
            raise heard.error
        return tally.conclude()

    def _execute(self, work: Work, tally: Tally, heard: _Heard) -> None:
        if tally.left and (differing := environment.differing_variables(environment.pinned(work.store.path))):
            message = (
                "the variables of this process are not those that were set when the study first ran, so its runs may end in "
                f"other bits ({differing}); the launcher 'local' gives its workers those of the study"
            )
            heard(events.Note(message=message))
        for placement in place(tally.left, 1, work.weight_bytes, self.machine()):
            if heard.is_stopping():
                return
            execute = self._execute_fleet if placement.members else self._execute_plain
            execute(work, placement, heard)

    def _execute_plain(self, work: Work, placement: Placement, heard: _Heard) -> None:
        from seedproof.execution import plain

        execute, send = self._executor or plain.execute, throttled(heard)
        for run_id in placement.runs:
            if heard.is_stopping():
                return
            repeat = run_id in work.repeat
            with RunSession(work.store, run_id, send, should_stop=heard.is_stopping, repeat=repeat) as session:
                if session is not None:
                    execute(session)

    def _execute_fleet(self, work: Work, placement: Placement, heard: _Heard) -> None:
        from seedproof.execution.arrivals import Arrivals
        from seedproof.execution.fleet import Fleet

        waiting, send = deque(placement.runs), throttled(heard)
        orders: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def hand_out() -> None:
            orders.put(waiting.popleft() if waiting else None)

        def hear(event: Event) -> None:
            send(event)
            if is_end(event):
                hand_out()

        def begin(run_id: str) -> RunSession | None:
            session = RunSession(work.store, run_id, hear, repeat=run_id in work.repeat)
            return session if session.open() else None

        for _ in range(placement.members):
            hand_out()
        Fleet(Arrivals(orders, begin), heard.is_stopping).execute()


class _Heard:
    """Enters events into the tally and passes them on. What the listener raises is kept until the runs have stopped: it is no
    fault of the run that told it."""

    def __init__(self, tally: Tally, listener: Listener) -> None:
        self._tally, self._listener = tally, listener
        self.error: Exception | None = None
        self._signals = 0

    def __call__(self, event: Event) -> None:
        self._tally.take(event)
        if self.error is None:
            try:
                self._listener(event)
            except Exception as error:
                self.error = error

    def is_stopping(self) -> bool:
        return self._tally.is_stopping or self.error is not None

    def on_signal(self) -> None:
        self._signals += 1
        if self._signals > 1:
            raise KeyboardInterrupt
        self(events.Stopping())
