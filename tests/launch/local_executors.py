"""Executors for the tests of the local launcher: what a run does stands in its recipe, as ``behaviour``."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from seedproof.errors import UserError
from seedproof.execution import Interrupted
from seedproof.execution.run_session import RunSession
from seedproof.store import RunFolder
from seedproof.training.engine import Record

STEPS = 3


def execute(session: RunSession) -> None:
    """Do what the run's behaviour says; a run that was started before simply finishes."""
    behaviour = session.spec.recipe["behaviour"]
    if len([event for event in session.folder.attempts() if event["event"] == "start"]) == 1:
        FAULTS[behaviour](session.folder, session.should_stop)
    if behaviour == "unfinished":
        return
    _finish(session)


def _finish(session: RunSession) -> None:
    folder, checkpoint = session.folder, session.folder.load_checkpoint()
    first = checkpoint[0] if checkpoint else 0
    folder.journal.cut_back(first if checkpoint else -1)
    for step in range(first + 1, STEPS + 1):
        session.record(step, STEPS, [Record(step, "loss", {"loss": 1.0 / step})])
    threads = os.environ["OMP_NUM_THREADS"]
    folder.finish({"outcome": "succeeded", "reason": None, "score": 0.5, "resumed_at": first, "threads": threads})


def nothing(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    pass


def die(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    folder.journal.append({"step": 1})
    folder.save_checkpoint(1, {"x": np.ones(2)})
    os.kill(os.getpid(), signal.SIGKILL)


def wait(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    """Train until asked to stop, then save and say so."""
    deadline = time.monotonic() + 30
    while not should_stop():
        assert time.monotonic() < deadline, "nobody asked this run to stop"
        time.sleep(0.01)
    folder.journal.append({"step": 1})
    folder.save_checkpoint(1, {"x": np.ones(2)})
    raise Interrupted


def stubborn(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    """A step that takes very long, so that the wish to stop is not seen."""
    time.sleep(30)


def boom(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    raise RuntimeError("boom")


def leave(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    sys.exit("a library that exits")


def mistake(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    raise UserError("the text is too long")


def full(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def print_much(folder: RunFolder, should_stop: Callable[[], bool]) -> None:
    """Prints of a library, also of a child process, must not be taken for events."""
    print('{"event": "finished", "run": "no"}', "x" * 100_000, flush=True)
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)


FAULTS: dict[str, Callable[[RunFolder, Callable[[], bool]], None]] = {
    "finish": nothing,
    "unfinished": nothing,
    "die": die,
    "wait": wait,
    "stubborn": stubborn,
    "boom": boom,
    "leave": leave,
    "mistake": mistake,
    "full": full,
    "print": print_much,
}
