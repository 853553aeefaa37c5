"""Runs on this machine: one worker process per job, each handed one run after another.

Workers are started as ``python -m seedproof.launch.worker`` and spoken to over pipes, so a plain script needs no main
guard and a notebook works. They live in sessions of their own: Ctrl-C in a terminal reaches only the launcher, which
asks them to stop at the next step; a second Ctrl-C kills them. When the launcher dies, its pipes close, and the workers
end by themselves.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seedproof.errors import UserError
from seedproof.execution.environment import of_workers, pinned
from seedproof.launch import StudyInterrupted, Summary
from seedproof.launch.process import Event, Inbox, WorkerProcess, worker_environment
from seedproof.store import Held, Store, disk_full_message, is_disk_full

EXECUTOR = "seedproof.execution.plain:execute_run"


def run_local(
    store_path: str | os.PathLike[str],
    run_ids: Iterable[str],
    *,
    jobs: int,
    threads: int = 1,
    on_event: Callable[[Event], None] | None = None,
    executor: str = EXECUTOR,
    repeat: Collection[str] = (),
    members: int = 0,
) -> Summary:
    """Execute runs of a store in ``jobs`` worker processes and wait for them; finished runs are skipped.

    Args:
        store_path: the folder of the study.
        run_ids: the runs, in the order they are to be started; their folders hold their specs.
        jobs: worker processes at a time.
        threads: threads of each, as the study's numerics say.
        on_event: called in this thread with each event: ``started``, ``progress``, ``finished``, ``crashed``,
            ``interrupted`` and ``held``, each with the ``run`` it is about, and ``stopping`` at the first Ctrl-C or SIGTERM.
        executor: ``module:function`` (see :mod:`seedproof.launch.worker`).
        repeat: those of the runs to hand to the executor although they are finished.
        members: runs that a worker executes at a time, as a fleet; 0: one after another.

    Raises:
        StudyInterrupted: Ctrl-C or SIGTERM; its ``summary`` says what became of the runs.
        UserError: the folder is not a study, ``jobs`` or ``threads`` is below 1, or the disk is full.
        RuntimeError: no worker could be started; the message quotes the end of the log.
    """
    for name, value in (("jobs", jobs), ("threads", threads)):
        if value < 1:
            raise UserError(f"{name} must be at least 1, but is {value}")
    launcher = _Launcher(Store.open(store_path), threads, on_event, executor, frozenset(repeat), members)
    try:
        return launcher.run(list(dict.fromkeys(run_ids)), jobs)
    except OSError as error:
        if is_disk_full(error):
            raise UserError(disk_full_message(Path(store_path))) from error
        raise


class _Launcher:
    """Hands out runs, listens to workers, replaces dead ones."""

    def __init__(
        self,
        store: Store,
        threads: int,
        on_event: Callable[[Event], None] | None,
        executor: str,
        repeat: frozenset[str],
        members: int,
    ) -> None:
        self._store = store
        self._on_event = on_event
        self._repeat = repeat
        self._inbox: Inbox = queue.SimpleQueue()
        self._waiting: deque[str] = deque()
        self._workers: list[WorkerProcess] = []
        self._summary = Summary()
        self._signals = 0
        self._is_stopping = self._is_disk_full = False
        self._worker_log = ""
        self._refused: list[str] = []
        """Why runs could not even be held: their folders say nothing of it."""
        self._log_name = f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._started = 0
        # -P: a file in the user's folder that is called like a module of ours must not be imported in its stead.
        self._command = [sys.executable, "-P", "-m", "seedproof.launch.worker", str(store.path.resolve())]
        self._command += ["--executor", executor, "--parent", str(os.getpid()), "--members", str(members)]
        self._capacity = max(1, members)
        base, self._remark = of_workers(pinned(store.path))
        self._environment = {**worker_environment(threads, base), "PYTHONUNBUFFERED": "1"}

    def run(self, run_ids: list[str], jobs: int) -> Summary:
        for run_id in run_ids:
            is_done = run_id not in self._repeat and self._store.run(run_id).is_finished
            (self._summary.finished if is_done else self._waiting).append(run_id)
        if self._remark and self._waiting and self._on_event is not None:
            self._on_event({"event": "note", "message": self._remark})
        with self._signals_caught():
            try:
                for _ in range(min(jobs, -(-len(self._waiting) // self._capacity))):
                    self._start_worker()
                while self._workers:
                    self._handle(*self._inbox.get())
            finally:  # workers are left only by an error, of on_event for instance
                for worker in self._workers:
                    worker.kill()
                    worker.reap()
        self._summary.not_started = list(self._waiting)
        return self._conclude()

    def _conclude(self) -> Summary:
        if self._is_disk_full:
            raise UserError(disk_full_message(self._store.path))
        if self._is_stopping:
            raise StudyInterrupted(self._summary)
        if self._refused:
            count = f"{len(self._refused)} run{'s' if len(self._refused) > 1 else ''}"
            raise UserError(
                f"{count} could not be begun: {self._refused[0]}; mend that and give the same command again"
            )
        if self._waiting:
            raise RuntimeError(f"no worker process could be started; the end of its log:\n{self._worker_log}")
        return self._summary

    def _start_worker(self) -> None:
        logs = self._store.path / "logs"
        logs.mkdir(exist_ok=True)
        self._started += 1
        log = logs / f"{self._log_name}-{self._started}.log"
        self._workers.append(WorkerProcess(self._command, self._environment, log, self._inbox))

    def _handle(self, worker: WorkerProcess | None, event: Event | None) -> None:
        if worker is None:
            self._on_signal()
        elif event is None:
            self._on_end(worker)
        elif event["event"] == "disk_full":
            self._is_disk_full = True
            self._stop()
        elif event["event"] == "ready":
            worker.is_ready = True
            self._hand_out(worker)
        else:
            self._note(event)
            if event["event"] in ("finished", "crashed", "interrupted", "held"):
                worker.runs.remove(event["run"])
                self._hand_out(worker)

    def _note(self, event: Event) -> None:
        """Enter an event into the summary and pass it on."""
        run_id = event["run"]
        match event["event"]:
            case "finished":
                self._summary.finished.append(run_id)
            case "crashed":
                self._summary.crashed[run_id] = event["message"]
                self._refused += [event["message"]] if event.get("refused") else []
                if event.get("disk_full"):
                    self._is_disk_full = True
                    self._stop()
            case "interrupted":
                self._summary.interrupted.append(run_id)
                self._stop()  # also when it was the worker itself that somebody asked to stop
            case "held":
                self._summary.held.append(run_id)
        if self._on_event is not None:
            self._on_event(event)

    def _hand_out(self, worker: WorkerProcess) -> None:
        while self._waiting and not self._is_stopping and len(worker.runs) < self._capacity:
            run_id = self._waiting.popleft()
            worker.runs.append(run_id)
            worker.order("run", run=run_id, repeat=run_id in self._repeat)
        if not worker.runs:
            worker.order("exit")

    def _on_end(self, worker: WorkerProcess) -> None:
        """Reap a worker whose output ended, and replace it if it died in the middle of a run."""
        self._workers.remove(worker)
        status = worker.reap()
        if self._capacity > 1 and status == -signal.SIGKILL and not self._is_stopping and worker.runs:
            # Most often the system's way to say that memory is short: the same runs again, fewer at a time.
            self._capacity //= 2
            self._waiting.extendleft(reversed(worker.runs))
            self._start_worker()
        elif worker.runs:
            for run_id in worker.runs:
                self._note(self._end_of_dead_run(run_id, status))
            if self._waiting and not self._is_stopping:
                self._start_worker()
        elif not worker.is_ready and not self._is_stopping:
            self._worker_log = worker.log.read_text(errors="replace")[-2000:] if worker.log.exists() else ""

    def _end_of_dead_run(self, run_id: str, status: int) -> Event:
        """Say how the run of a dead worker ended, and note it in its folder, unless the worker did before it died."""
        folder = self._store.run(run_id)
        message = f"its worker process ended unexpectedly ({_describe(status)}); see {self._store.path / 'logs'}"
        event: Event = {"event": "crashed", "run": run_id, "message": message}
        if self._signals > 1 or self._is_disk_full:
            event = {"event": "interrupted", "run": run_id}
        try:
            with folder.hold():
                if folder.is_finished and run_id not in self._repeat:
                    result = folder.result()
                    return {"event": "finished", "run": run_id} | {
                        k: result.get(k) for k in ("outcome", "reason", "score")
                    }
                if folder.attempts() and folder.attempts()[-1]["event"] == "start":
                    folder.add_attempt_event(event["event"], message=message)
        except Held:
            pass  # somebody else took the run over already
        except (OSError, UserError) as error:
            if not is_disk_full(error):  # its folder cannot say how it ended
                event |= {"event": "crashed", "message": f"{message}; {error}", "refused": True}
        return event

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            for worker in self._workers:
                worker.order("stop")

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals == 1 and self._on_event is not None:
            self._on_event({"event": "stopping"})
        self._stop()
        if self._signals > 1:
            for worker in self._workers:
                worker.kill()

    @contextmanager
    def _signals_caught(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into messages for the main loop (only the main thread can, and only it gets them)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # ignored on purpose, as nohup and "&" in a script do
                previous[number] = signal.signal(number, self._put_signal)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _put_signal(self, *_: object) -> None:
        self._inbox.put((None, None))  # SimpleQueue.put is reentrant, unlike Queue.put


def _describe(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    name = signal.Signals(-status).name
    return f"{name}, often a lack of memory" if name in ("SIGKILL", "SIGABRT") else name
