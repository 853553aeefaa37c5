"""One run on the disk: a folder named by the run's id, and the state that its files spell out.

runs/<id>/
  spec.json               what the run is; written once, when the run is planned
  lock                    locked by the process that executes the run, for as long as that process lives
  attempts.jsonl          one line per start and per end that was not a finish
  journal.jsonl           the records; journal.jsonl.sha256 vouches for them
  checkpoint.safetensors  where to go on; gone when the run is finished
  error.txt               the traceback of the last crash; gone when the run is finished
  weights/                the final weights, on request
  result.json             written last: the run is finished when, and only when, this file exists
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from seedproof.errors import Damaged, UserError
from seedproof.spec import SPEC_VERSION, RunSpec
from seedproof.store.checked import check_record, check_result
from seedproof.store.checkpoint import Array, read_checkpoint, write_checkpoint
from seedproof.store.documents import read_document, write_document
from seedproof.store.files import remove_temporary_files, write_atomically
from seedproof.store.journal import Journal
from seedproof.store.lock import exclusive, is_held
from seedproof.store.state import STATE_AFTER, State

LOCK_SECONDS = 0.5
"""How long to wait for a run's lock: longer than any look at its state takes, shorter than any run."""


_FIX = "restore it from a copy, or remove the folder of the run to have it done again"
"""What a user can do about a damaged file of a run."""


class RunFolder:
    """The run in the folder ``path``, which need not exist yet. Only whoever holds the run may write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path  # the rest when it is asked for: a study has thousands of these

    @property
    def id(self) -> str:
        """The run's id, which is the folder's name."""
        return self.path.name

    @property
    def weights(self) -> Path:
        """The folder of the final weights, if they are kept."""
        return self.path / "weights"

    @property
    def _spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def _result(self) -> Path:
        return self.path / "result.json"

    @property
    def _checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @cached_property
    def _attempts(self) -> Journal:
        return Journal(self.path / "attempts.jsonl")

    @cached_property
    def journal(self) -> Journal:
        """The run's records; each has an integer ``"step"``, by which a resumed run cuts them back."""
        return Journal(self.path / "journal.jsonl")

    @property
    def has_spec(self) -> bool:
        """Whether it says what the run is; a folder that was lost does again once its run is planned."""
        return self._spec.exists()

    @property
    def spec(self) -> RunSpec:
        """What the run is.

        Raises:
            UserError: the folder holds no readable spec, or that of another run.
        """
        content = _read(self._spec, missing=f"{self.path} is not the folder of a run")
        if type(version := content.get("version")) is int and version > SPEC_VERSION:
            raise UserError(
                f"{self._spec} was written by a newer seedproof (version {version}); install the newer version"
            )
        try:
            spec = RunSpec.from_json(content)
            found = spec.id
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _damaged(self._spec, error) from error
        if found != self.id:
            raise _damaged(
                self._spec, f"it describes the run {found}, not {self.id}: it was changed, or belongs elsewhere"
            )
        return spec

    def write_spec(self, spec: RunSpec) -> None:
        """Make the folder and write what the run is, unless that was done before.

        Raises:
            ValueError: the folder's name is not the id of ``spec``.
        """
        if spec.id != self.id:
            raise ValueError(f"the run {spec.id} does not belong into the folder {self.path}")
        if not self._spec.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            write_document(self._spec, spec.to_json())

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the run for the length of a ``with`` block; what a killed holder was writing is cleared away.

        Raises:
            Held: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        message = f"the run {self.id} is being executed by {self._holder()}"
        with exclusive(self.path / "lock", timeout=LOCK_SECONDS, message=message):
            remove_temporary_files(self.path)
            yield

    def _holder(self) -> str:
        starts = [event for event in self.attempts() if event["event"] == "start"]
        return f"process {starts[-1].get('pid')} on {starts[-1].get('host')}" if starts else "another process"

    @property
    def state(self) -> State:
        """The state of the run, now."""
        try:
            names = frozenset(os.listdir(self.path))  # noqa: PTH208 - measured: thousands of folders, names are enough
        except FileNotFoundError:
            return State.PENDING
        if "result.json" in names:
            return State.FINISHED
        if "lock" in names and is_held(self.path / "lock"):
            return State.RUNNING
        return self.state_if_free

    @property
    def state_if_free(self) -> State:
        """The state of the run where no other process holds it."""
        if self._result.exists():
            return State.FINISHED
        last = self.attempts()[-1:] if self._attempts.path.exists() else []
        return STATE_AFTER[last[0]["event"]] if last else State.PENDING

    def attempts(self) -> list[dict[str, Any]]:
        """Every start, interruption, pause and crash so far, oldest first.

        Raises:
            UserError: ``attempts.jsonl`` is damaged.
        """
        events = list(self._attempts.read())
        for number, event in enumerate(events, start=1):
            if event.get("event") not in tuple(STATE_AFTER):
                raise _damaged(self._attempts.path, f"line {number} has the event {event.get('event')!r}")
        return events

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the records of the run in order, as far as there are any.

        Raises:
            UserError: the journal is damaged, a record is none, or a finished run has fewer steps than its result says.
        """
        last = 0
        for number, record in enumerate(self.journal.read(is_closed=self.is_finished), start=1):
            try:
                check_record(record)
                if record["kind"] == "loss" and record["step"] <= last:
                    raise ValueError(f"the step {record['step']} comes again")
            except ValueError as error:
                raise _damaged(self.journal.path, f"line {number}: {error}") from error
            last = record["step"] if record["kind"] == "loss" else last
            yield record
        if self.is_finished:
            result = self.result()
            trained = result.get("stopped_at") or result.get("diverged_at") or result.get("steps", 0)
            if last < trained:
                raise _damaged(self.journal.path, f"it ends at step {last}, and {self._result.name} says {trained}")

    def add_attempt_event(self, event: str, **details: Any) -> None:
        """Note a ``"start"``, an ``"interrupted"``, a ``"paused"`` or a ``"crashed"``, with host, process and time (Unix).

        Raises:
            OSError: the disk refused.
        """
        if event not in STATE_AFTER:
            raise ValueError(f"no such event: {event!r}")
        number = sum(earlier["event"] == "start" for earlier in self.attempts()) + (event == "start")
        where = {"host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
        self._attempts.append({"event": event, "attempt": number, **where, **details})
        self._attempts.flush()

    def write_error(self, text: str) -> None:
        """Keep the traceback of a crash where a person finds it: ``error.txt``."""
        write_atomically(self.path / "error.txt", text.encode("utf-8", "backslashreplace"))

    def save_checkpoint(self, step: int, tensors: Mapping[str, Array], extra: Any = None) -> None:
        """Keep the state after ``step``; the previous checkpoint stays until this one is whole on the disk.

        The journal is flushed first, so a checkpoint never knows of records that a loss of power could take away.

        Args:
            step: steps done.
            tensors: arrays of any shape, by name.
            extra: JSON values.

        Raises:
            OSError: the disk refused; the previous checkpoint is untouched.
        """
        self.journal.seal()
        write_checkpoint(self._checkpoint, step, tensors, extra)

    def load_checkpoint(self) -> tuple[int, dict[str, Array], Any] | None:
        """Read ``(step, tensors, extra)`` of the last checkpoint; None where there is none.

        Raises:
            UserError: the file is damaged.
        """
        return read_checkpoint(self._checkpoint)

    def cut_back(self, step: int) -> None:
        """Keep the records up to ``step``, from which the run is to go on.

        Raises:
            UserError: the journal is damaged, or ends before that step.
        """
        self.journal.cut_back(step)
        last = max((record["step"] for record in self.records() if record["kind"] == "loss"), default=0)
        if last < step:
            raise _damaged(
                self.journal.path, f"it ends at step {last}, and {self._checkpoint.name} was taken at {step}"
            )

    def start_again(self) -> None:
        """Forget checkpoint and records, so that the run begins at its first step."""
        self._checkpoint.unlink(missing_ok=True)
        self.journal.clear()

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result, which makes the run finished, then remove what only an unfinished run needs.

        Raises:
            OSError: the disk refused; the run is not finished and its checkpoint is still there.
        """
        self.journal.seal()
        self.write_result(result)
        self._checkpoint.unlink(missing_ok=True)
        (self.path / "error.txt").unlink(missing_ok=True)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the result alone.

        Raises:
            OSError: the disk refused.
        """
        write_document(self._result, result)

    @property
    def is_finished(self) -> bool:
        """Whether the run has its result."""
        return self._result.exists()

    def result(self) -> dict[str, Any]:
        """Read what came out of the finished run.

        Raises:
            UserError: the run is not finished, or the file is damaged or contradicts itself.
        """
        missing = f"the run {self.id} in {self.path.parent} is not finished"
        result = _read(self._result, missing=missing, is_sealed=self.journal.is_sealed)
        try:
            check_result(result)
        except ValueError as error:
            raise _damaged(self._result, error) from error
        return result


def _read(path: Path, *, missing: str, is_sealed: bool = False) -> dict[str, Any]:
    try:
        return read_document(path, fix=_FIX, is_sealed=is_sealed)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{missing}: there is no {path.name}") from None


def _damaged(path: Path, why: object) -> Damaged:
    return Damaged(f"{path} is damaged ({why})", _FIX)
