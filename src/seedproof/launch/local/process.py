"""A worker process as its launcher sees it: orders go down one pipe, messages come up another."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from seedproof.store.encoding import loads

Message = dict[str, Any]
"""What a worker says, a JSON object a line."""

KILL_SECONDS = 10.0
"""How long a worker may take to end when it should be ending anyway."""

_READ_SECONDS = 1.0
"""How long the rest of an ended worker's output is waited for: a process of its own may hold the pipe open."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def worker_environment(threads: int | None = None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables of a worker, over ``base`` (None: those of this process): ``threads`` for every library that computes
    (None: as they are), and memory in large pages where the C library is glibc. Every step of a ragged batch allocates
    other sizes, so pages are given back and touched anew all the time; large ones make a step about a tenth faster. They
    change no bit.
    """
    environment = {**(os.environ if base is None else base), "TOKENIZERS_PARALLELISM": "false"}
    environment.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
    return environment if threads is None else environment | dict.fromkeys(_THREAD_VARIABLES, str(threads))


class WorkerProcess:
    """One worker process, as the launcher sees it; its messages go to ``inbox``, then None when its output ends."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path, inbox: Inbox) -> None:
        self.log = log
        self.runs: list[str] = []
        """Handed to it and not done."""
        self.begun: set[str] = set()
        """Runs that it said it has begun."""
        self.is_ready = False
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout, inbox), daemon=True)
        self._reader.start()

    def _read(self, output: IO[bytes], inbox: Inbox) -> None:
        with output:  # closed by the thread that reads it: a file that is closed while it is read has lost its buffer
            for line in output:
                with suppress(ValueError):  # the last line of a killed worker may be torn
                    inbox.put((self, loads(line)))
        inbox.put((self, None))

    def order(self, order: str, **details: str | bool) -> None:
        """Send an order; a worker that no longer listens is noticed when its output ends."""
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps({"order": order, **details}).encode() + b"\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """End the process without asking it."""
        self.process.kill()

    def reap(self) -> int:
        """Wait for the process, which is ending, and for the end of its output; return its exit status."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            status = self.process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join(_READ_SECONDS)
        with suppress(OSError):
            if self.log.stat().st_size == 0:
                self.log.unlink()
        return status


Inbox = queue.SimpleQueue[tuple[WorkerProcess | None, Message | None]]
"""What workers sent, in the order of arrival; no worker: a signal to the launcher."""
