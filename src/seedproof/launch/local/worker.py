"""A worker process: executes the runs it is handed, one at a time. Started by a launcher as

    python -m seedproof.launch.local.worker STORE --executor module:function --parent PID [--members N]

Orders come as JSON lines on its standard input: ``{"order": "run", "run": id}`` (with ``"repeat": true`` also if the
run is finished, to record more of it), ``{"order": "stop"}`` (end the run at its next step, then the process) and
``{"order": "exit"}`` (no more runs). Events (:mod:`seedproof.events`) go as JSON lines to its standard output, after
``{"event": "ready"}``; whatever else the process prints goes to its standard error, a log file. When the input ends without
an order to stop or exit, the launcher is dead and the worker ends at once: the store is made for that.

With ``--members`` the worker takes several runs at a time and executes them as a fleet (:mod:`seedproof.execution.fleet`).

An executor is a function that takes a :class:`seedproof.execution.session.Session`, which says how it may end.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from seedproof.events import Event, throttled
from seedproof.execution.run_session import RunSession
from seedproof.execution.session import Session
from seedproof.store import Store
from seedproof.store.encoding import dumps

Order = tuple[str, bool]
"""A run's id, and whether to do it again if it is finished."""

ORPHAN_SECONDS = 0.5
"""How often to look whether the launcher is still the parent (its pipe may have been inherited by others)."""


def load_executor(name: str) -> Callable[[Session], None]:
    """Import the function that ``name`` (``module:function``) names.

    Raises:
        ImportError, AttributeError: there is no such module or function.
    """
    module, _, function = name.partition(":")
    executor: Callable[[Session], None] = getattr(importlib.import_module(module), function)
    return executor


def _read_orders(
    source: TextIO, stop: threading.Event, end: Callable[[], None], orders: queue.SimpleQueue[Order | None]
) -> None:
    """Put the runs into ``orders`` and None at the end; the body of the reader thread."""
    for line in source:
        order = json.loads(line)
        if order["order"] == "run":
            orders.put((order["run"], order.get("repeat", False)))
            continue
        if order["order"] == "stop":
            end()
        orders.put(None)
        return
    if not stop.is_set():  # else the launcher has seen the output end, and reaps a process that was asked to end
        os._exit(1)  # the input ended without an order to do so: the launcher is dead


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def _take_standard_output() -> TextIO:
    """Keep the standard output for events and send everything that others print to the log."""
    sys.stdout.flush()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return output


def _write(output: TextIO, message: dict[str, Any]) -> None:
    """Send a line; a launcher that no longer listens is dead, and so the process ends."""
    try:
        output.write(dumps(message) + "\n")
        output.flush()
    except BrokenPipeError:
        os._exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m seedproof.launch.local.worker", description="a worker process")
    parser.add_argument("store", type=Path)
    parser.add_argument("--executor", required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--members", type=int, default=0)
    options = parser.parse_args(arguments)
    output = _take_standard_output()
    stop = threading.Event()
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()

    def end(*_: object) -> None:
        stop.set()
        orders.put(None)

    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the worker itself: end as cleanly as on an order
        signal.signal(number, end)
    threading.Thread(target=_watch_parent, args=(options.parent,), daemon=True).start()
    threading.Thread(target=_read_orders, args=(sys.stdin, stop, end, orders), daemon=True).start()
    store = Store.open(options.store)

    def write_event(event: Event) -> None:
        _write(output, event.to_json())

    send = throttled(write_event)

    def session(order: Order) -> RunSession:
        return RunSession(store, order[0], send, should_stop=stop.is_set, repeat=order[1])

    def begun(order: Order) -> RunSession | None:
        run = session(order)
        return run if run.open() else None

    if options.members:
        from seedproof.execution.arrivals import Arrivals
        from seedproof.execution.fleet import Fleet

        _write(output, {"event": "ready"})
        Fleet(Arrivals(orders, begun), stop.is_set).execute()
        return
    execute = load_executor(options.executor)
    _write(output, {"event": "ready"})
    while (order := orders.get()) is not None:
        with session(order) as held:
            if held is not None:
                execute(held)


if __name__ == "__main__":
    main()
