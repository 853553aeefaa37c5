"""Points of a plane evaluated by worker processes, one per core, each with one thread.

One thread in every process, this one included, so that the numbers do not depend on how many there are. Workers end when
their pipe closes, so none outlives the process that asked.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from seedproof.errors import UserError
from seedproof.launch.local.process import Inbox, WorkerProcess, worker_environment
from seedproof.measure.classifier_loss import Problem, evaluator
from seedproof.measure.plane import Measured, Points, measure_here


def measure_problem(problem: Problem, parts: Mapping[str, Points], jobs: int) -> Measured:
    """Measure each part and yield it when it is done, in any order.

    Raises:
        UserError: a worker was killed.
        RuntimeError: a worker failed; the message quotes the end of its log.
    """
    if min(jobs, len(parts)) > 1:
        yield from _measure_in_processes(problem, parts, min(jobs, len(parts)))
        return
    with _one_thread():
        here = problem.on_device()
        yield from measure_here(here.plane, evaluator(here), parts)


def _measure_in_processes(problem: Problem, parts: Mapping[str, Points], jobs: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="seedproof-plane-") as scratch:
        folder = Path(scratch)
        problem.write(folder)
        (folder / "parts.json").write_text(json.dumps(parts))
        inbox: Inbox = queue.SimpleQueue()
        workers = [_start(folder, number, inbox) for number in range(jobs)]
        try:
            yield from _hand_out(workers, inbox, deque(parts))
        finally:
            for worker in workers:
                worker.kill()
                worker.reap()


def _start(folder: Path, number: int, inbox: Inbox) -> WorkerProcess:
    # -P: a file in the user's folder that is called like a module of ours must not be imported in its stead.
    command = [sys.executable, "-P", "-m", "seedproof.measure.worker", str(folder), "--parent", str(os.getpid())]
    return WorkerProcess(command, worker_environment(threads=1), folder / f"worker-{number}.log", inbox)


def _hand_out(workers: list[WorkerProcess], inbox: Inbox, waiting: deque[str]) -> Measured:
    left = len(waiting)
    for worker in workers:
        worker.order("part", part=waiting.popleft())
    while left:
        sender, event = inbox.get()
        assert sender is not None
        if event is None:
            raise _why_it_ended(sender)
        left -= 1
        if waiting:
            sender.order("part", part=waiting.popleft())
        yield event["part"], event["values"]


def _why_it_ended(worker: WorkerProcess) -> Exception:
    log = worker.log.read_text(errors="replace")[-2000:]
    status = worker.reap()
    if status < 0:
        return UserError(
            f"a process that measures the plane was killed (signal {-status}, often a lack of memory); what is measured is "
            "kept where the measurement has a folder: give the same command again, with fewer --jobs"
        )
    return RuntimeError(f"a process that measures the plane ended with status {status}; the end of its log:\n{log}")


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
