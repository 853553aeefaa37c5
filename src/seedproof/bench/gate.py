"""Where a contender stands still between two blocks, so that all can take turns in one run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Enough(Exception):
    """No further block is wanted."""


class Gate:
    """Called after every step; at the end of a block it reports and waits for the next order.

    Args:
        warmup: steps before the first block.
        steps: of a block.
        device: waits for a GPU before it looks at the clock.
        send: takes a report.
        receive: waits for an order; False: no further block.
    """

    def __init__(
        self, warmup: int, steps: int, device: str, send: Callable[[dict[str, Any]], None], receive: Callable[[], bool]
    ) -> None:
        self._left, self._warmup, self._steps, self._device = warmup, warmup, steps, device
        self._send, self._receive = send, receive
        self._started: float | None = None
        self.facts: dict[str, Any] = {}
        """Sent when the warm-up is over."""
        self.before_memory = resident_bytes("VmRSS")

    @property
    def is_ready(self) -> bool:
        """Whether the warm-up is over."""
        return self._started is not None

    def restart(self) -> None:
        """Begin the warm-up again."""
        self._left = self._warmup

    def open(self) -> None:
        """Report that all is ready for the first step; waits if there is no warm-up."""
        if self._left == 0:
            self._pause({})

    def __call__(self, values: dict[str, Any] | None = None) -> None:
        """A step is done.

        Raises:
            Enough: no further block is wanted.
        """
        self._left -= 1
        if self._left == 0:
            self._pause(values or {})

    def _pause(self, values: dict[str, Any]) -> None:
        synchronize(self._device)
        now = time.perf_counter()
        if self._started is None:
            self._send({"event": "ready", **self.facts})
        else:
            report = {"seconds": now - self._started, "steps": self._steps, "values": values, "peak": self.peak()}
            self._send({"event": "block", **report})
        if not self._receive():
            raise Enough
        self._left, self._started = self._steps, time.perf_counter()

    def peak(self) -> dict[str, int]:
        """Most memory so far, in bytes: of the process, and beyond what it had before the model was made; on a GPU what
        tensors took there."""
        if self._device == "cuda":
            import torch

            most = torch.cuda.max_memory_allocated()
            return {"process": most, "work": most}
        most = resident_bytes("VmHWM")
        return {"process": most, "work": most - self.before_memory}


def synchronize(device: str) -> None:
    """Wait until a GPU has done what it was asked to."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


def resident_bytes(field: str) -> int:
    """Memory of this process: ``VmRSS`` now, ``VmHWM`` at most so far. Where there is no /proc, the most in both cases."""
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return 1024 * int(found.group(1))
    import resource
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
