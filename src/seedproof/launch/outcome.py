"""What came out of a run, computed from its journal when its training has ended."""

from __future__ import annotations

import math
import os
import platform
import socket
import time
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from seedproof.launch import environment
from seedproof.launch.options import Recording
from seedproof.store import RunFolder
from seedproof.store.checked import judge
from seedproof.tasks.base import Task


class Trained(Protocol):
    """What an engine says of a run whose training has ended."""

    @property
    def diverged_at(self) -> int | None:
        """The step whose loss was not finite."""

    @property
    def evaluated_at(self) -> int | None:
        """The step whose weights are the result."""


class Stopwatch:
    """When an attempt began, and for how long it has been going on; the clock may be set meanwhile."""

    def __init__(self) -> None:
        self.started = time.time()
        """Seconds, Unix."""
        self._monotonic = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since then, never negative."""
        return time.monotonic() - self._monotonic


def make_result(engine: Trained, folder: RunFolder, task: Task, about: dict[str, Any], recording: Recording,
                watch: Stopwatch) -> dict[str, Any]:  # fmt: skip
    """The result of a run whose training has ended. ``execution`` holds all that may differ when it is done again."""
    losses: dict[int, float] = {}
    scores: dict[int, dict[str, float]] = {}
    for record in folder.records():
        if record["kind"] == "loss":
            losses[record["step"]] = record["loss"]
        elif record["kind"] == "evaluation":
            scores[record["step"]] = record["scores"]
    final = {} if engine.evaluated_at is None else scores[engine.evaluated_at]
    metric = task.metrics[0]
    score, majority = final.get(metric, math.nan), task.majority[metric]
    outcome, reason = judge(score, majority)
    # Gradients that are not finite at the last step show in the final evaluation only.
    diverged_at = engine.diverged_at if engine.diverged_at or reason != "diverged" else engine.evaluated_at
    return {
        "outcome": outcome, "reason": reason, "diverged_at": diverged_at,
        "metric": metric, "score": score, "majority": majority, "metrics": final, "majorities": task.majority,
        "training_loss": last_epoch_loss(losses, about["steps_per_epoch"]), "evaluated_step": engine.evaluated_at,
        **about,
        "recordings": {**recording.probes, "evaluations": recording.evaluations, "weights": recording.weights},
        "execution": _execution(folder, watch),
    }  # fmt: skip


def last_epoch_loss(losses: dict[int, float], steps_per_epoch: int) -> float:
    """The final training loss: the mean over the last epoch's steps (dropout on). Not finite if one of them is not."""
    last = max(losses)
    return float(np.mean([losses[step] for step in sorted(losses) if step > last - steps_per_epoch]))


def _execution(folder: RunFolder, watch: Stopwatch) -> dict[str, Any]:
    """Where and when the last attempt was made, how long it took, and how many there were."""
    seconds, now = watch.seconds, environment.present()
    starts = [event for event in folder.attempts() if event["event"] == "start"]
    earlier = [environment.difference(event.get("environment", {}), now) for event in starts]
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": watch.started,
        "finished": watch.started + seconds,
        "seconds": seconds,
        "attempts": len(starts),
        "python": platform.python_version(),
        "version_seedproof": version("seedproof"),
        **now,
        **({"earlier_attempts_differ": "; ".join(dict.fromkeys(filter(None, earlier)))} if any(earlier) else {}),
    }
