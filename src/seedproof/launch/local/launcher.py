"""Runs on this machine: one worker process per job, each handed one run after another, or several as a fleet.

Workers are started as ``python -m seedproof.launch.local.worker`` and spoken to over pipes, so a plain script needs no main
guard and a notebook works. They live in sessions of their own: Ctrl-C in a terminal reaches only the launcher, which
asks them to stop at the next step; a second Ctrl-C kills them. When the launcher dies, its pipes close, and the workers
end by themselves.
"""

from __future__ import annotations

import dataclasses
import os
import queue
import signal
import sys
import time
from collections import deque

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event, Listener
from seedproof.execution.environment import of_workers, pinned
from seedproof.execution.holding import end_dead_run
from seedproof.launch.base import Launcher, Work
from seedproof.launch.local.process import Inbox, Message, WorkerProcess, worker_environment
from seedproof.launch.placement import Placement, place
from seedproof.launch.signals import caught
from seedproof.launch.tally import Summary, Tally
from seedproof.machine import Machine, free_gpu_bytes, this_machine
from seedproof.store import disk_full_message, is_disk_full

EXECUTOR = "seedproof.execution.plain:execute"


class LocalLauncher(Launcher):
    """Worker processes on this machine, one per core or one on a GPU unless told otherwise.

    Args:
        executor: ``module:function`` that executes one run (see :mod:`seedproof.launch.local.worker`).
    """

    name = "local"
    is_here = True

    def __init__(self, *, executor: str = EXECUTOR) -> None:
        self.executor = executor

    def machine(self) -> Machine:
        """This machine."""
        return this_machine()

    def run(self, work: Work, listener: Listener) -> Summary:
        """Execute runs in worker processes and wait for them.

        Raises:
            StudyInterrupted, UserError: as :meth:`Launcher.run`.
            RuntimeError: no worker could be started; the message quotes the end of its log.
        """
        self.check_jobs(work.jobs)
        tally = Tally(work)
        jobs, machine = work.jobs or self.default_jobs(work.store.numerics), self.machine()
        if any(spec.numerics.engine == "fleet" and spec.numerics.device != "cpu" for spec in tally.left):
            machine = dataclasses.replace(machine, gpu_bytes=free_gpu_bytes())
        placements = place(tally.left, jobs, work.weight_bytes, machine)
        try:
            for placement in placements:
                _Launch(work, placement, self.executor, tally, listener).run()
        except OSError as error:
            if is_disk_full(error):
                raise UserError(disk_full_message(work.store.path)) from error
            raise
        return tally.conclude()


class _Launch:
    """Hands out the runs of one placement, listens to workers, replaces dead ones."""

    def __init__(self, work: Work, placement: Placement, executor: str, tally: Tally, listener: Listener) -> None:
        self._work, self._store = work, work.store
        self._tally, self._listener = tally, listener
        self._jobs, self._capacity = placement.jobs, max(1, placement.members)
        self._waiting = deque(placement.runs)
        self._inbox: Inbox = queue.SimpleQueue()
        self._workers: list[WorkerProcess] = []
        self._signals = self._started = 0
        self._not_started: Exception | None = None
        """Why the last worker that did not begin has ended."""
        self._log_name = f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        # -P: a file in the user's folder that is called like a module of ours must not be imported in its stead.
        self._command = [sys.executable, "-P", "-m", "seedproof.launch.local.worker", str(self._store.path.resolve())]
        self._command += ["--executor", executor, "--parent", str(os.getpid()), "--members", str(placement.members)]
        base, self._remark = of_workers(pinned(self._store.path))
        threads = self._store.numerics.threads
        self._environment = {**worker_environment(threads, base), "PYTHONUNBUFFERED": "1"}

    def run(self) -> None:
        if self._tally.is_stopping:
            return
        if self._remark:
            self._listener(events.Note(message=self._remark))
        with caught(lambda: self._inbox.put((None, None))):  # SimpleQueue.put is reentrant, unlike Queue.put
            try:
                for _ in range(self._jobs):
                    self._start_worker()
                while self._workers:
                    self._handle(*self._inbox.get())
            finally:  # workers are left only by an error, of the listener for instance
                for worker in self._workers:
                    worker.kill()
                    worker.reap()
        if self._waiting and not self._tally.is_stopping:
            raise self._not_started or RuntimeError("no worker process could be started")

    def _start_worker(self) -> None:
        logs = self._store.path / "logs"
        logs.mkdir(exist_ok=True)
        self._started += 1
        log = logs / f"{self._log_name}-{self._started}.log"
        self._workers.append(WorkerProcess(self._command, self._environment, log, self._inbox))

    def _handle(self, worker: WorkerProcess | None, message: Message | None) -> None:
        if worker is None:
            self._on_signal()
        elif message is None:
            self._on_end(worker)
        elif message["event"] == "ready":
            worker.is_ready = True
            self._hand_out(worker)
        else:
            event = events.from_json(message)
            if isinstance(event, events.Started):
                worker.begun.add(event.run)
            self._tell(event)
            if events.is_end(event):
                worker.runs.remove(event.run)
                self._hand_out(worker)

    def _tell(self, event: Event) -> None:
        """Enter an event into the tally, stop if it says so, and pass it on."""
        was_stopping = self._tally.is_stopping
        self._tally.take(event)
        if self._tally.is_stopping and not was_stopping:
            for worker in self._workers:
                worker.order("stop")
        self._listener(event)

    def _hand_out(self, worker: WorkerProcess) -> None:
        while self._waiting and not self._tally.is_stopping and len(worker.runs) < self._capacity:
            run_id = self._waiting.popleft()
            worker.runs.append(run_id)
            worker.order("run", run=run_id, repeat=run_id in self._work.repeat)
        if not worker.runs:
            worker.order("exit")

    def _on_end(self, worker: WorkerProcess) -> None:
        """Reap a worker whose output ended, and replace it if it died in the middle of a run."""
        self._workers.remove(worker)
        status = worker.reap()
        is_stopping = self._tally.is_stopping
        if _was_asked_to_end(worker, status):  # its runs are as they were
            if not is_stopping:
                self._tell(events.Stopping())
        elif self._capacity > 1 and status == -signal.SIGKILL and not is_stopping and worker.runs:
            # Most often the system's way to say that memory is short: the same runs again, fewer at a time.
            self._capacity //= 2
            self._waiting.extendleft(reversed(worker.runs))
            self._start_worker()
        elif worker.runs:
            for run_id in worker.runs:
                self._tell(self._end_of_dead_run(run_id, status))
            if self._waiting and not self._tally.is_stopping:
                self._start_worker()
        elif not worker.is_ready and not is_stopping:
            self._not_started = _why_not_started(worker, status)

    def _end_of_dead_run(self, run_id: str, status: int) -> Event:
        """How the run of a dead worker ended: killed by us, it was interrupted."""
        message = f"its worker process ended unexpectedly ({_describe(status)}); see {self._store.path / 'logs'}"
        is_ours, repeat = self._signals > 1 or self._tally.is_disk_full, run_id in self._work.repeat
        return end_dead_run(self._store, run_id, message, interrupted=is_ours, repeat=repeat)

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals == 1:
            self._tell(events.Stopping())
        else:
            for worker in self._workers:
                worker.kill()


def _was_asked_to_end(worker: WorkerProcess, status: int) -> bool:
    """Whether somebody else asked a worker to end before it began anything that it was handed: batch systems ask every process
    of a job. One that only just starts ends by the signal itself."""
    if not worker.is_ready:
        return -status in (signal.SIGINT, signal.SIGTERM)
    return status == 0 and bool(worker.runs) and worker.begun.isdisjoint(worker.runs)


def _why_not_started(worker: WorkerProcess, status: int) -> Exception:
    """The error of a launch none of whose workers could be handed a run."""
    if status < 0:
        return UserError(
            f"no worker process could be started: the last one was ended by {_describe(status)}; give the same command again, "
            "with fewer --jobs where memory is short"
        )
    log = worker.log.read_text(errors="replace")[-2000:] if worker.log.exists() else ""
    return RuntimeError(f"no worker process could be started; the end of its log:\n{log}")


def _describe(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    name = signal.Signals(-status).name
    return f"{name}, often a lack of memory" if name in ("SIGKILL", "SIGABRT") else name
