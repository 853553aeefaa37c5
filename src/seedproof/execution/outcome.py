"""What came out of a run, computed from its journal when its training has ended."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from seedproof.execution import environment
from seedproof.execution.ending import Digest, describe_ending
from seedproof.execution.recording import Recording, recordings_of
from seedproof.execution.stopping import Stopped
from seedproof.store import RunFolder
from seedproof.store.checked import judge
from seedproof.tasks.base import Task
from seedproof.tasks.uncertainty import score_interval


class Trained(Protocol):
    """What an engine says of a run whose training has ended."""

    @property
    def diverged_at(self) -> int | None:
        """The step whose loss was not finite."""

    @property
    def evaluated_at(self) -> int | None:
        """The step whose weights are the result."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a training ended, told by who saw it: what :class:`Trained` asks for, as values that can be sent."""

    diverged_at: int | None
    evaluated_at: int | None


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


def make_result(
    engine: Trained,
    folder: RunFolder,
    task: Task,
    about: dict[str, Any],
    recording: Recording,
    execution: Mapping[str, Any],
) -> dict[str, Any]:
    """The result of a run whose training has ended, or that a rule has stopped. ``execution`` holds all that may differ when it
    is done again: :func:`execution_of`."""
    digest = Digest.of(folder.records(), engine.evaluated_at)
    outputs = digest.logits(engine.evaluated_at)
    final = {} if engine.evaluated_at is None else digest.evaluations[engine.evaluated_at]["scores"]
    metric, judge_of_task = task.metric, task.judge
    score, majority = final.get(metric, math.nan), task.majority[metric]
    outcome, reason = judge(score, majority)
    low = high = math.nan
    if outputs:
        low, high = score_interval(judge_of_task, outputs["dev"], task.dev.labels, task.dev.groups)
    # Gradients that are not finite at the last step show in the final evaluation only.
    diverged_at = engine.diverged_at if engine.diverged_at or reason != "diverged" else engine.evaluated_at
    ended: dict[str, Any] = {"outcome": outcome, "reason": reason}
    if isinstance(engine, Stopped):
        ended = engine.result(digest.last_scores.get(metric, math.nan))
    return {
        **ended,
        **digest.alarm,
        "diverged_at": diverged_at,
        "metric": metric,
        "positive_class": judge_of_task.positive,
        "score": score,
        "score_low": low,
        "score_high": high,
        "majority": majority,
        "metrics": final,
        "majorities": task.majority,
        "class_scores": task.class_scores(outputs),
        "training_loss": last_epoch_loss(digest.losses, about["steps_per_epoch"]),
        **({} if digest.fit_loss is None else {"fit_loss": digest.fit_loss}),
        "ending": describe_ending(digest, task),
        "evaluated_step": engine.evaluated_at,
        **about,
        "recordings": recordings_of(recording, digest.kinds, has_weights=folder.weights.is_dir()),
        "execution": dict(execution),
    }


def last_epoch_loss(losses: dict[int, float], steps_per_epoch: int) -> float:
    """The final training loss: the mean over the last epoch's steps (dropout on). Not finite if one of them is not."""
    last = max(losses)
    return float(np.mean([losses[step] for step in sorted(losses) if step > last - steps_per_epoch]))


def execution_of(folder: RunFolder, watch: Stopwatch, process: environment.Process) -> dict[str, Any]:
    """Where and when the last attempt was made, how long it took, and how many there were."""
    seconds, now = watch.seconds, process.environment
    starts = [event for event in folder.attempts() if event["event"] == "start"]
    earlier = [environment.difference(event.get("environment", {}), now) for event in starts]
    return {
        "host": process.host,
        "pid": process.pid,
        "started": watch.started,
        "finished": watch.started + seconds,
        "seconds": seconds,
        "attempts": len(starts),
        "python": process.python,
        "version_seedproof": process.seedproof,
        **now,
        **({"earlier_attempts_differ": "; ".join(dict.fromkeys(filter(None, earlier)))} if any(earlier) else {}),
    }
