"""The tracker interface: what a tracker is told of a run, and what it promises."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from seedproof.spec import content_hash
from seedproof.store.checked import STOPPED
from seedproof.store.files import write_atomically

KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run as trackers know it: one run of one seed, in the group of its task, model and recipe."""

    id: str
    """The run's id in its store."""
    study: str
    """Name of the study: the project, or experiment, of a tracker."""
    task: str
    model: str
    recipe: str
    seed: str
    """Label of the seeds: ``7``, or ``1/7/7`` for head, order and dropout."""
    config: Mapping[str, Any]
    """Everything that the run was told, by name, as numbers, truths and texts: seeds, recipe, methods, numerics."""
    started: float
    """When it was first started, in seconds (Unix)."""

    @property
    def group(self) -> str:
        """Task, model and recipe: what the seeds of one recipe have in common."""
        return f"{self.task}, {self.model}, {self.recipe}"

    @property
    def name(self) -> str:
        """What the run is called in its group."""
        return f"seed {self.seed}"

    @cached_property
    def key(self) -> str:
        """Hexadecimal digits that no other run of any study and group has: a run may stand in two groups."""
        return content_hash({"study": self.study, "group": self.group, "run": self.id})[:KEY_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run ended, or stands."""

    verdict: str
    """``succeeded``, ``failed/majority``, ``failed/diverged``, ``stopped/race`` or ``stopped/alarm`` of a finished run; else
    ``crashed``, ``interrupted``, ``lost``, or ``paused`` of one that waits for its race."""
    summary: Mapping[str, Any]
    """What its result says in numbers and texts, by name; nothing of a run that is not finished. A score may be NaN;
    a stopped run's is, which has ``stopped_at``, ``stopped_score`` and ``stopped_because``."""
    content: str
    """Hash of all that there is to write of the run: where it is the same, there is nothing new."""

    @property
    def words(self) -> list[str]:
        """The verdict's parts: ``failed``, ``majority``."""
        return self.verdict.split("/")

    @property
    def is_finished(self) -> bool:
        """Whether the run has a result."""
        return self.words[0] in ("succeeded", "failed", STOPPED)

    @property
    def is_failure(self) -> bool:
        """Whether the run failed or crashed: one that a rule has stopped, or a person, has not."""
        return self.words[0] in ("failed", "crashed")


class Writer(ABC):
    """One run in a tracker, from :meth:`Tracker.begin` to its end."""

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take what was recorded at a step, by name (``train/loss``, ``dev/accuracy``); steps never fall. A value may be NaN or
        infinite, and is shown as the tracker can, never left out in silence or replaced by a number that was not there."""

    def flush(self) -> None:  # noqa: B027 - most have nothing to do
        """Let others see what was logged so far."""

    @abstractmethod
    def end(self, ending: Ending) -> None:
        """Write how the run ended, let go of it, and remember ``ending.content`` for :meth:`Tracker.is_written`."""


class Tracker(ABC):
    """A place where runs are shown beside their store. It promises:

    - A run is there once: :meth:`begin` takes away what an earlier attempt, or another call, wrote of it.
    - A failed run is a result: it is shown as failed, with the reason, beside those that succeeded.
    - Several runs may be open at a time.
    - Nothing is sent anywhere but to ``place``, and nothing is left in the working folder.

    Args:
        place: where to write: a folder, or an address that the tracker knows.

    Raises:
        Exception: the place cannot be used; callers say which tracker and place that was.
    """

    name: ClassVar[str]
    """Name by which ``--track`` finds it."""

    def __init__(self, place: str) -> None:
        self.place = place

    @abstractmethod
    def is_written(self, run: TrackedRun, content: str) -> bool:
        """Whether the run is there with just this content, whole."""

    @abstractmethod
    def begin(self, run: TrackedRun) -> Writer:
        """Begin with a run, in place of whatever is there of it."""

    def look(self) -> str:
        """A sentence that says how to look at it; empty where there is nothing to say."""
        return ""


class Mark:
    """A small file that says which run was written here, and with what content. A run without one was not written whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[str, str]:
        """Key of the run and content; two empty texts where there is no mark."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return str(found["run"]), str(found["content"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def write(self, run: TrackedRun, content: str) -> None:
        """Say that a run was begun (no content), or that it is here whole."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, json.dumps({"run": run.key, "content": content}).encode())
