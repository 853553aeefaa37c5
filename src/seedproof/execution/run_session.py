"""A run as its executor sees it, kept in its folder of a store: begun or gone on with, recorded, saved, finished."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from seedproof import events, extensions
from seedproof.errors import Damaged, UserError
from seedproof.events import Listener
from seedproof.execution import Interrupted, again, environment
from seedproof.execution.environment import Process
from seedproof.execution.guard import guard_of_race
from seedproof.execution.holding import HeldRun
from seedproof.execution.inputs import model_source, read_task
from seedproof.execution.outcome import Trained, execution_of, make_result
from seedproof.execution.race import Race, decisions
from seedproof.execution.recording import Recording, lacks
from seedproof.execution.session import Checkpoint, Session
from seedproof.models.source import ModelSource
from seedproof.recipes import from_json
from seedproof.store import Store, move_folder
from seedproof.store.seals import seal_file
from seedproof.tasks.base import Task

if TYPE_CHECKING:
    from seedproof.training.engine import Record


class RunSession(Session):
    """A run of a store, held by this process from entry to end.

        with RunSession(store, run_id, send) as session:
            if session is not None:
                execute(session)

    Entry gives None where there is nothing to execute: the run is held by another process, was finished meanwhile, or its
    folder cannot be used; that was told. What the block raises ends the run as interrupted or crashed and goes no further,
    but for ``KeyboardInterrupt`` and its kind.

    Args:
        store: of the run.
        run_id: its id.
        send: told every event of the run.
        should_stop: whether the run is to end after its present step.
        repeat: if the run is finished and lacks a recording that the study wants by now, do it again to add it
            (:mod:`seedproof.execution.again`).
        process: which executes the run; None: this one.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        send: Listener,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        repeat: bool = False,
        process: Process | None = None,
    ) -> None:
        super().__init__()
        self.id, self.store = run_id, store
        self._held = HeldRun(store, run_id, send)
        self._run = self._held.folder
        self.folder = self._run
        """Where records go: the run's folder, or one inside it where a finished run is done again."""
        self._send, self._should_stop, self._repeat = send, should_stop, repeat
        self._given = process

    def __enter__(self) -> Self | None:
        return self if self.open() else None

    def open(self) -> bool:
        """Hold the run and note its start; whether there is something to execute. If not, that was told."""
        if not self._held.hold():
            return False
        try:
            return self._begin()
        except (Exception, SystemExit) as error:
            self.crash(error)
            return False
        except BaseException:
            self.interrupt()
            raise

    @property
    def is_open(self) -> bool:
        """Whether the run is held, and neither finished nor let go of."""
        return self._held.is_open

    def _begin(self) -> bool:
        """Note the start, unless the run is finished; whether it is to be executed."""
        for origin in self.store.places.extensions():
            extensions.note(origin)
        self.recording = Recording.read(self.store.path)
        finished = self._run.result() if self._run.is_finished else None
        if finished is not None and not (self._repeat and lacks(finished["recordings"], self.recording)):
            self._held.finish()  # another launcher was faster
            return False
        self._held.start(self.process)
        self.spec = self._run.spec
        if finished is not None and not self._begin_again(finished):
            return False
        self._enter_race(is_again=finished is not None)
        return True

    def _begin_again(self, finished: Mapping[str, Any]) -> bool:
        """Execute a finished run beside itself; whether that is still to be done."""
        self.folder = again.scratch_folder(self._run, self.recording)
        self.recording = again.widened(finished["recordings"], self.recording)
        if differing := environment.difference(finished.get("execution", {}), self.process.environment):
            self.note(
                "is done again, to record more of it, under another environment than the first time; if the two do not agree, "
                f"what is stored is kept ({differing})"
            )
        if not self.folder.is_finished:
            return True
        again.adopt(self._run, self.folder, self.note)
        self._held.finish()
        return False

    def _enter_race(self, *, is_again: bool) -> None:
        """Let the alarm of a race watch the run, and pause it where its race is to be decided; one that is done again goes to
        its end as it did."""
        race = Race.read(self.store.path)
        if race is None:
            return
        self.guard = guard_of_race(race, self.spec, self.task, is_again=is_again)
        is_decided = any(self.id in decision.scores for decision in decisions(self.store))
        self.pause_at = None if is_again or is_decided else race.at

    @cached_property
    def process(self) -> Process:
        """The process that executes the run."""
        return self._given or Process.here()

    @property
    def task(self) -> Task:
        """Read from the store, and kept for the next run of this process."""
        return read_task(self.store.task_folder(self.spec.task.fingerprint))

    @property
    def source(self) -> ModelSource:
        """Found where the store noted it, by its fingerprint."""
        return model_source(self.store, self.spec.model)

    def should_stop(self) -> bool:
        """What the launcher says."""
        return self._should_stop()

    def resume(self) -> Checkpoint | None:
        """The checkpoint in the folder. A run whose checkpoint or journal is damaged, or of which other things were recorded
        up to it, or where a method of another version made it, starts again: nothing is lost but time."""
        try:
            if (checkpoint := self._checkpoint()) is not None:
                return checkpoint
        except Damaged as error:
            self.note(f"{error.what}, so the run starts again at its first step")
        self.folder.start_again()
        return None

    def _checkpoint(self) -> Checkpoint | None:
        """The checkpoint in the folder, the records cut back to it; None where there is none, or other things were recorded.

        Raises:
            Damaged: it cannot be gone on with, or the journal does not reach it.
        """
        from seedproof.training.treatments import check_versions

        found = self.folder.load_checkpoint()
        if found is None or found[2]["recorded"] != self.recording.recorded:
            return None
        step, tensors, extra = found
        check_versions(from_json(self.folder.spec.recipe).methods, extra["engine"].get("methods"))
        self.folder.cut_back(step)
        if self.guard is not None:
            self.guard.catch_up(self.folder.records())
        if differing := environment.difference(extra.get("environment", {}), self.process.environment):
            self.note(
                "goes on from its checkpoint under another environment, so its last bits may be others than without "
                f"the interruption ({differing})"
            )
        return Checkpoint(step=step, tensors=tensors, values=extra["engine"])

    def keep_records(self, step: int, steps: int, records: Sequence[Record]) -> None:
        """Appended to the journal."""
        for record in records:
            self.folder.journal.append({"step": record.step, "kind": record.kind, **record.values})
        loss = next((record.values["loss"] for record in records if record.kind == "loss"), None)
        self._send(events.Progress(run=self.id, step=step, steps=steps, loss=loss))

    def _save(self, checkpoint: Checkpoint) -> None:
        made = {"recorded": self.recording.recorded, "environment": dict(self.process.environment)}
        self.folder.save_checkpoint(checkpoint.step, checkpoint.tensors, {"engine": checkpoint.values, **made})

    def keep_weights(self, write: Callable[[Path], None]) -> None:
        """Whole or not at all: moved into the folder when they are written and sealed."""
        weights = self.folder.weights
        partial = weights.with_name(".weights.partial")
        shutil.rmtree(partial, ignore_errors=True)
        write(partial)
        for file in (*partial.rglob("*.safetensors"), partial / "config.json"):
            seal_file(file)
        move_folder(partial, weights)

    def note(self, message: str) -> None:
        """Told as an event."""
        self._send(events.Note(run=self.id, message=message))

    def finish(self, trained: Trained, about: Mapping[str, Any]) -> None:
        """Write the result; of a run that was done again, take over the fuller records."""
        self.folder.journal.flush()
        result = make_result(trained, self.folder, self.task, dict(about), self.recording, self._execution)
        self.folder.finish(result)
        if self.folder is not self._run:
            again.adopt(self._run, self.folder, self.note)
        self._held.finish()

    @property
    def _execution(self) -> dict[str, Any]:
        return execution_of(self.folder, self.watch, self.process)

    def pause(self, about: Mapping[str, Any]) -> None:
        """Noted, with what the result of the run will say of this attempt if it is stopped here."""
        step = max(record["step"] for record in self.folder.records())
        self._held.pause(step, about, self._execution)

    def interrupt(self) -> None:
        """Note the interruption; if that cannot be done, it is a crash."""
        self._held.interrupt(self.folder.journal)

    def crash(self, error: BaseException) -> None:
        """Note the crash."""
        self._held.crash(error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not self.is_open:
            return False
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, Interrupted):
            self.crash(error)
        elif error is not None:
            self.interrupt()
        else:
            self._conclude()
        return isinstance(error, (Exception, SystemExit))

    def _conclude(self) -> None:
        """End a run whose executor returned without a word."""
        try:
            if not self._run.is_finished:
                raise RuntimeError("the executor returned without finishing the run")
            self._held.finish()
        except (RuntimeError, UserError) as error:
            self.crash(error)
