"""The states of a run, and which of them follows from the last event of its attempts."""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """How far a run is; what came out of a finished one is its outcome, in its result."""

    PENDING = "pending"
    """Never started."""
    RUNNING = "running"
    """A living process holds its lock."""
    INTERRUPTED = "interrupted"
    """Stopped at somebody's wish; goes on from its last checkpoint."""
    PAUSED = "paused"
    """Waits, saved, until its race is decided; then it goes on from there, or is finished as stopped."""
    LOST = "lost"
    """Its process ended without a word (killed, or the machine went down); goes on from its last checkpoint."""
    CRASHED = "crashed"
    """A bug or a fault ended it; ``error.txt`` has the traceback."""
    FINISHED = "finished"
    """It has a result."""


STATE_AFTER = {"start": State.LOST, "interrupted": State.INTERRUPTED, "paused": State.PAUSED, "crashed": State.CRASHED}
"""The state of a run that no process holds, by the last event of its attempts."""
