"""A worker process: executes the runs it is handed, one at a time. Started by a launcher as

    python -m seedproof.launch.worker STORE --executor module:function --parent PID [--members N]

Orders come as JSON lines on its standard input: ``{"order": "run", "run": id}`` (with ``"repeat": true`` also if the
run is finished, for the executor to add to it), ``{"order": "stop"}`` (end the run at
its next step, then the process) and ``{"order": "exit"}`` (no more runs). Events go as JSON lines to its standard
output; whatever else the process prints goes to its standard error, a log file. When the input ends without an order to
stop or exit, the launcher is dead and the worker ends at once: the store is made for that.

With ``--members`` the worker takes several runs at a time and executes them as a fleet (:mod:`seedproof.execution.fleet`).

An executor is a function ``(store, run_id, report, should_stop) -> None``. It is called with the run's lock held and
its start noted; it calls ``report({"event": "progress", ...})`` as it goes and ends in one of four ways: it returns
after ``RunFolder.finish`` (finished), raises :class:`seedproof.execution.Interrupted` (interrupted), raises anything else
(crashed), or dies with the process (lost, until the launcher notices and notes a crash).
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from seedproof.errors import UserError, is_out_of_memory
from seedproof.execution import Interrupted, environment
from seedproof.store import Held, RunFolder, Store, disk_full_message, is_disk_full
from seedproof.store.encoding import dumps

Event = dict[str, Any]
Executor = Callable[[Store, str, Callable[[Event], None], Callable[[], bool]], None]

PROGRESS_SECONDS = 0.1
"""Progress of one run is passed on at most this often; the last step always is."""

ORPHAN_SECONDS = 0.5
"""How often to look whether the launcher is still the parent (its pipe may have been inherited by others)."""

OWN_EVENTS = frozenset({"ready", "started", "finished", "crashed", "interrupted", "held", "disk_full"})
"""Events that only the worker itself sends."""


def load_executor(name: str) -> Executor:
    """Import the function that ``name`` (``module:function``) names.

    Raises:
        ImportError, AttributeError: there is no such module or function.
    """
    module, _, function = name.partition(":")
    executor: Executor = getattr(importlib.import_module(module), function)
    return executor


class Worker:
    """Executes runs of ``store`` with ``executor`` and sends events to ``output``."""

    def __init__(self, store: Store, executor: Executor, output: TextIO, stop: threading.Event) -> None:
        self._store = store
        self._executor = executor
        self._output = output
        self._stop = stop
        self._progressed: dict[str, float] = {}

    def send(self, event: str, run: str, **details: Any) -> None:
        """Send one event; a launcher that no longer listens is dead, and so the process ends."""
        try:
            self._output.write(dumps({"event": event, "run": run, **details}) + "\n")
            self._output.flush()
        except BrokenPipeError:
            os._exit(1)

    def execute(self, run_id: str, repeat: bool = False) -> None:
        """Execute one run and say how it ended; never raises for what goes wrong inside the run."""
        folder = self._store.run(run_id)
        try:
            with folder.hold():
                self._execute_held(folder, repeat)
        except Held as error:
            self.send("held", run_id, message=str(error))
        except (OSError, UserError) as error:  # not even the lock could be taken, or the end could not be noted
            self.refuse(folder, error)

    def _execute_held(self, folder: RunFolder, repeat: bool) -> None:
        try:
            if repeat or not folder.is_finished:  # else another launcher was faster
                folder.add_attempt_event("start", environment=environment.present())
                self.send("started", folder.id)
                self._executor(self._store, folder.id, lambda event: self.report(folder.id, event), self._stop.is_set)
            self.send_finished(folder)
        except Interrupted:
            folder.add_attempt_event("interrupted")
            self.send("interrupted", folder.id)
        except (Exception, SystemExit) as error:
            self.note_crash(folder, error)

    def note_crash(self, folder: RunFolder, error: BaseException) -> None:
        """Write down what ended a run that is held, and tell the launcher."""
        # A full disk also refuses these notes; the event tells the launcher in any case.
        with suppress(OSError):
            folder.add_attempt_event("crashed", message=self._message(error))
        with suppress(OSError):
            folder.write_error("".join(traceback.format_exception(error)))
        self._send_crashed(folder, error)

    def refuse(self, folder: RunFolder, error: BaseException) -> None:
        """Tell the launcher of a run that could not be held, so that nothing may be written into its folder."""
        self.send("crashed", folder.id, message=self._message(error), disk_full=is_disk_full(error), refused=True)

    def send_finished(self, folder: RunFolder) -> None:
        """Tell the launcher how a finished run came out."""
        if not folder.is_finished:
            raise RuntimeError("the executor returned without finishing the run")
        result = folder.result()
        self.send("finished", folder.id, **{key: result.get(key) for key in ("outcome", "reason", "score")})

    def report(self, run_id: str, event: Mapping[str, Any]) -> None:
        """Pass on an executor's event; progress of one run not more often than ``PROGRESS_SECONDS``."""
        details = {key: value for key, value in event.items() if key not in ("event", "run")}
        name = event["event"]
        if name in OWN_EVENTS:
            raise ValueError(f"the event {name!r} is sent by the worker, not by the executor")
        is_last = "steps" in event and event.get("step") == event["steps"]
        if name != "progress" or is_last or time.monotonic() - self._progressed.get(run_id, 0.0) >= PROGRESS_SECONDS:
            self._progressed[run_id] = time.monotonic()
            self.send(name, run_id, **details)

    def _message(self, error: BaseException) -> str:
        if is_disk_full(error):
            return disk_full_message(self._store.path)
        if is_out_of_memory(error):
            return f"memory ended ({str(error) or type(error).__name__}); give the same command again with fewer --jobs"
        return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"

    def _send_crashed(self, folder: RunFolder, error: BaseException) -> None:
        self.send("crashed", folder.id, message=self._message(error), disk_full=is_disk_full(error))


def _read_orders(source: TextIO, end: Callable[[], None], orders: queue.SimpleQueue[tuple[str, bool] | None]) -> None:
    """Put the ids to run into ``orders`` and None at the end; the body of the reader thread."""
    for line in source:
        order = json.loads(line)
        if order["order"] == "run":
            orders.put((order["run"], order.get("repeat", False)))
            continue
        if order["order"] == "stop":
            end()
        orders.put(None)
        return
    os._exit(1)  # the input ended without an order to do so: the launcher is dead


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def _take_standard_output() -> TextIO:
    """Keep the standard output for events and send everything that others print to the log."""
    sys.stdout.flush()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m seedproof.launch.worker", description="a worker process")
    parser.add_argument("store", type=Path)
    parser.add_argument("--executor", required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--members", type=int, default=0)
    options = parser.parse_args(arguments)
    output = _take_standard_output()
    stop = threading.Event()
    orders: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()

    def end(*_: object) -> None:
        stop.set()
        orders.put(None)

    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the worker itself: end as cleanly as on an order
        signal.signal(number, end)
    threading.Thread(target=_watch_parent, args=(options.parent,), daemon=True).start()
    threading.Thread(target=_read_orders, args=(sys.stdin, end, orders), daemon=True).start()
    store = Store.open(options.store)
    worker = Worker(store, load_executor(options.executor), output, stop)
    worker.send("ready", "")
    if options.members:
        from seedproof.execution.fleet import FleetWorker

        FleetWorker(worker, store, stop.is_set).serve(orders)
        return
    while (order := orders.get()) is not None:
        worker.execute(*order)


if __name__ == "__main__":
    main()
