"""A session: a run as its executor sees it, apart from where the run is kept.

An executor (:mod:`seedproof.execution.plain`, :mod:`seedproof.execution.fleet`) knows only this interface.
:class:`seedproof.execution.run_session.RunSession` keeps a run in its folder. On a machine without the store, another session
sends everything to the process that has it, which calls the same method of a run session there.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from seedproof.execution.guard import RECORD as ALARM
from seedproof.execution.guard import Guard
from seedproof.execution.outcome import Stopwatch, Trained
from seedproof.execution.recording import Recording
from seedproof.execution.stopping import Stopped
from seedproof.models.source import ModelSource
from seedproof.spec import RunSpec
from seedproof.tasks.base import Task
from seedproof.training.engine import Record
from seedproof.training.plan import step_at


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """State of an engine after a step, from which a run goes on."""

    step: int
    tensors: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any]
    """What the engine saves beside arrays, as JSON values."""


class Session(ABC):
    """A run as its executor sees it.

    An executor reads ``spec``, ``recording``, :attr:`task` and :attr:`source`, goes on from :meth:`resume`, hands every step's
    records to :meth:`record`, saves its state when :meth:`is_save_due`, and ends with :meth:`finish`; where
    :meth:`is_leaving` says so, it ends before, with :meth:`leave`. It raises :class:`seedproof.execution.Interrupted` where
    :meth:`should_stop` says so; whatever else it raises is a crash. An executor of many runs at a time calls
    :meth:`interrupt` and :meth:`crash` itself.
    """

    spec: RunSpec
    recording: Recording
    """What to record and keep of this run."""

    def __init__(self) -> None:
        self.watch = Stopwatch()
        self._saved = time.monotonic()
        self.pause_at: float | None = None
        """Fraction of the training after which the run waits for its race to be decided; None: it has none to wait for."""
        self.guard: Guard | None = None
        """The alarm that watches it."""
        self.stopped: Stopped | None = None
        """Which rule has stopped it, and why."""

    @property
    @abstractmethod
    def task(self) -> Task:
        """The data that the run learns from."""

    @property
    @abstractmethod
    def source(self) -> ModelSource:
        """The files of the pre-trained model.

        Raises:
            UserError: they are gone or changed.
        """

    @abstractmethod
    def should_stop(self) -> bool:
        """Whether the run is to end after its present step."""

    @abstractmethod
    def resume(self) -> Checkpoint | None:
        """The last checkpoint, the records cut back to it; None: the run starts at its first step, without records.

        Called once, before the first record.
        """

    def record(self, step: int, steps: int, records: Sequence[Record]) -> None:
        """Keep what was recorded at ``step`` of ``steps``, show it to the alarm, and tell how far the run is."""
        alarms: list[Record] = []
        if self.guard is not None:
            why, stopped = self.guard.see(step, records)
            if why is not None:
                self.stopped = stopped
                self.note(f"looks doomed at step {step}, because {why}{'; it is stopped' if stopped else ''}")
                alarms = [Record(step, ALARM, {"because": why})]
        self.keep_records(step, steps, [*records, *alarms])

    @abstractmethod
    def keep_records(self, step: int, steps: int, records: Sequence[Record]) -> None:
        """Keep what was recorded at ``step`` of ``steps``, and tell how far the run is."""

    def is_leaving(self, step: int, steps: int) -> bool:
        """Whether the run ends after this step, which is not its last: a rule has stopped it, or its race is to be decided."""
        return self.stopped is not None or (self.pause_at is not None and step >= step_at(self.pause_at, steps))

    def leave(self, about: Mapping[str, Any]) -> None:
        """End a run that is leaving: write the result of a stopped one; one that pauses was saved by its executor.

        Args:
            about: as for :meth:`finish`.
        """
        if self.stopped is not None:
            self.finish(self.stopped, about)
        else:
            self.pause(about)

    def is_save_due(self, *, stopping: bool = False) -> bool:
        """Whether the state is to be saved: ``checkpoint_seconds`` have passed since it last was, or, of a run that is
        stopping, since it began."""
        seconds = self.watch.seconds if stopping else time.monotonic() - self._saved
        return seconds >= self.recording.checkpoint_seconds

    def save(self, step: int, tensors: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Keep the engine's state after ``step`` in place of an earlier one."""
        self._save(Checkpoint(step=step, tensors=tensors, values=values))
        self._saved = time.monotonic()

    @abstractmethod
    def _save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""

    @abstractmethod
    def keep_weights(self, write: Callable[[Path], None]) -> None:
        """Keep the final weights, which ``write`` writes into the folder that it is given, which is new."""

    @abstractmethod
    def note(self, message: str) -> None:
        """Tell a person something about the run."""

    @abstractmethod
    def finish(self, trained: Trained, about: Mapping[str, Any]) -> None:
        """Compute and write the result of a run whose training has ended, and let go of the run.

        Args:
            trained: what the engine says of its end; :class:`seedproof.execution.stopping.Stopped` where a rule ended it before.
            about: what there is to say about the run's start, for its result.
        """

    @abstractmethod
    def pause(self, about: Mapping[str, Any]) -> None:
        """Let go of the run, which is saved and waits until its race is decided; ``about`` as for :meth:`finish`."""

    @abstractmethod
    def interrupt(self) -> None:
        """End the run here, to go on from its last checkpoint another time, and let go of it."""

    @abstractmethod
    def crash(self, error: BaseException) -> None:
        """Note the error that ended the run, and let go of it."""
