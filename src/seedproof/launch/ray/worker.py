"""A worker on a node of the cluster: an actor that is handed runs, executes them in a thread, and gives what they say when asked.

The process that keeps the store asks again and again (:meth:`Worker.take`); nothing is sent unasked. So a worker that is
lost, or is cut off and goes on for a while, cannot add to what its successor does.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seedproof.execution import Interrupted
from seedproof.execution.environment import VARIABLES, Process
from seedproof.execution.session import Session
from seedproof.launch.local.worker import load_executor
from seedproof.launch.ray.session import Message, Order, Outbox, StreamedSession
from seedproof.machine import Machine, free_gpu_bytes, has_gpu, usable_cores


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What a worker says of itself when it can be handed runs."""

    process: Process
    machine: Machine
    """The node, with the memory of the GPU that the worker has."""


class Worker:
    """Executes runs.

    Args:
        executor: ``module:function`` that executes one run, given its session.
        members: runs at a time, as a fleet; 0: one after another.
        variables: of the environment that change bits, as all runs of the study have them; others are taken away.
    """

    def __init__(self, executor: str, members: int, variables: Mapping[str, str]) -> None:
        for name in VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(variables)
        self._executor, self._members = executor, members
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._outbox = Outbox()
        self._open: list[StreamedSession] = []
        self._dropped: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self) -> Ready:
        """Import what runs need, and begin to work."""
        import torch  # noqa: F401 - what it finds of the processor is part of the environment

        machine = Machine(cores=usable_cores(), gpus=int(has_gpu()), gpu_bytes=free_gpu_bytes() if has_gpu() else 0)
        self._thread.start()
        return Ready(process=Process.here(), machine=machine)

    def hand(self, order: Order) -> None:
        """Execute this run next, or together with others."""
        self._orders.put(order)

    def stop(self) -> None:
        """End every run after its present step."""
        self._stop.set()

    def drop(self, attempt: int) -> None:
        """End a run whose end is known already. A member of a fleet goes on, and nobody listens."""
        self._dropped.add(attempt)

    def take(self, seconds: float) -> list[Message]:
        """What runs have said since the last time, waiting so long for a first message."""
        messages = self._outbox.take(seconds)
        if not messages and not self._thread.is_alive():
            raise RuntimeError(f"the thread of a worker on {socket.gethostname()} ended without a word")
        return messages

    def _work(self) -> None:
        if self._members:
            self._train_fleets()
            return
        execute = load_executor(self._executor)
        while (order := self._orders.get()) is not None:
            if (session := self._begin(order)) is not None:
                self._execute(session, execute)

    def _begin(self, order: Order) -> StreamedSession | None:
        attempt = order.attempt
        session = StreamedSession(order, self._outbox.put, lambda: self._stop.is_set() or attempt in self._dropped)
        self._open = [*(other for other in self._open if not other.is_over), session]
        return session if session.open() else None

    def _execute(self, session: StreamedSession, execute: Callable[[Session], None]) -> None:
        try:
            execute(session)
            if not session.is_over:
                raise RuntimeError("the executor returned without finishing the run")
        except Interrupted:
            session.interrupt()
        except (Exception, SystemExit) as error:
            session.crash(error)

    def _train_fleets(self) -> None:
        from seedproof.execution.arrivals import Arrivals
        from seedproof.execution.fleet import Fleet

        arrivals: Arrivals[Any] = Arrivals(self._orders, self._begin)
        while not arrivals.is_over:
            try:
                Fleet(arrivals, self._stop.is_set).execute()
            except (Exception, SystemExit) as error:
                for session in self._open:
                    if not session.is_over:
                        session.crash(error)
