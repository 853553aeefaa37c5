"""A run's session in a worker that has no store: what its executor does is sent, and done again to the session that keeps it."""

from __future__ import annotations

import dataclasses
import pickle
import socket
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedproof import extensions
from seedproof.errors import UserError
from seedproof.execution.guard import Guard
from seedproof.execution.inputs import read_task
from seedproof.execution.outcome import Ended, Trained
from seedproof.execution.recording import Recording
from seedproof.execution.session import Checkpoint, Session
from seedproof.execution.stopping import Stopped
from seedproof.extensions import Origin
from seedproof.launch.ray.parcels import Parcel, unpack
from seedproof.models.source import ModelSource, find_model
from seedproof.spec import ModelReference, RunSpec
from seedproof.store import is_disk_full
from seedproof.tasks.base import Task

if TYPE_CHECKING:
    from seedproof.training.engine import Record

WAITING_BYTES = 64 * 2**20
"""What a worker may have ready to be fetched before it waits, beside one message: the memory of the process that keeps it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Order:
    """A run for a worker, with all that its execution needs."""

    attempt: int
    """Which of all attempts at runs this is; it stands in every message."""
    spec: RunSpec
    recording: Recording
    checkpoint: Checkpoint | None
    """Checkpoint from which it goes on."""
    task: Parcel
    model: Parcel
    pause_at: float | None = None
    """Fraction of the training after which it waits for its race to be decided."""
    guard: Guard | None = None
    """The alarm that watches it, up to the checkpoint."""
    code: Sequence[tuple[Origin, Parcel]] = ()
    """Where the store found classes of the user's own, and their files."""


@dataclass(frozen=True, eq=False)
class Message:
    """A method of a session that a worker called, to be called at the session that keeps the run."""

    attempt: int
    method: str
    arguments: tuple[Any, ...] = ()

    @property
    def is_last(self) -> bool:
        """Whether the attempt ends with it."""
        return self.method in ("finish", "pause", "interrupt", "crash")


def replay(message: Message, session: Session) -> None:
    """Do to a session what was done to that of the worker."""
    if message.method == "keep_weights":
        files: Mapping[str, np.ndarray[Any, Any]] = message.arguments[0]
        session.keep_weights(lambda folder: _write_files(files, folder))
    else:
        getattr(session, message.method)(*message.arguments)


@dataclass(eq=False)
class Outbox:
    """Messages that wait to be fetched. Where there are too many, who adds one waits: memory stays bounded."""

    limit: int = WAITING_BYTES
    _messages: list[Message] = field(default_factory=list)
    _bytes: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, message: Message) -> None:
        """Add a message; waits until there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < self.limit)
            self._messages.append(message)
            self._bytes += _size(message.arguments)
            self._changed.notify_all()

    def take(self, seconds: float) -> list[Message]:
        """All messages, as soon as there is one; none when so many seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._messages), timeout=seconds)
            taken, self._messages, self._bytes = self._messages, [], 0
            self._changed.notify_all()
            return taken


class StreamedSession(Session):
    """The session of a run in a worker, which sends what it is told to keep.

    Args:
        order: the run.
        send: sends a message; may wait.
        should_stop: whether the run is to end after its present step.
    """

    def __init__(self, order: Order, send: Callable[[Message], None], should_stop: Callable[[], bool]) -> None:
        super().__init__()
        self.spec, self.recording = order.spec, order.recording
        self.pause_at, self.guard = order.pause_at, order.guard
        self.is_over = False
        """Whether its end was sent."""
        self._order, self._send_message, self._should_stop = order, send, should_stop

    def open(self) -> bool:
        """Make classes of the user's own known here; if that cannot be, the run has crashed."""
        try:
            for origin, parcel in self._order.code:
                extensions.note(dataclasses.replace(origin, folder=str(unpack(parcel))))
        except Exception as error:
            self.crash(error)
        return not self.is_over

    @property
    def task(self) -> Task:
        """Read from the parcel, and kept for the next run of this process."""
        return read_task(unpack(self._order.task))

    @property
    def source(self) -> ModelSource:
        """The files of the parcel."""
        return _source(unpack(self._order.model), self.spec.model)

    def should_stop(self) -> bool:
        """What the launcher says."""
        return self._should_stop()

    def resume(self) -> Checkpoint | None:
        """What came with the order."""
        return self._order.checkpoint

    def keep_records(self, step: int, steps: int, records: Sequence[Record]) -> None:
        """Sent, with what the alarm said of them here."""
        self._send("keep_records", step, steps, list(records))

    def _save(self, checkpoint: Checkpoint) -> None:
        # Copies: the engine may go on before they are on their way.
        tensors = {name: np.array(tensor) for name, tensor in checkpoint.tensors.items()}
        self._send("save", checkpoint.step, tensors, dict(checkpoint.values))

    def keep_weights(self, write: Callable[[Path], None]) -> None:
        """Written into a temporary folder and sent."""
        with tempfile.TemporaryDirectory(prefix="seedproof-") as place:
            folder = Path(place) / "weights"
            write(folder)
            files = {
                file.relative_to(folder).as_posix(): np.fromfile(file, np.uint8)
                for file in folder.rglob("*")
                if file.is_file()
            }
            self._send("keep_weights", files)

    def note(self, message: str) -> None:
        """Sent."""
        self._send("note", message)

    def finish(self, trained: Trained, about: Mapping[str, Any]) -> None:
        """Sent; the result is computed where the records are."""
        ended = trained
        if not isinstance(trained, Stopped):  # an engine, which cannot be sent
            ended = Ended(diverged_at=trained.diverged_at, evaluated_at=trained.evaluated_at)
        self._send("finish", ended, dict(about))

    def pause(self, about: Mapping[str, Any]) -> None:
        """Sent."""
        self._send("pause", dict(about))

    def interrupt(self) -> None:
        """Sent."""
        self._send("interrupt")

    def crash(self, error: BaseException) -> None:
        """Sent, with the traceback."""
        self._send("crash", portable(error))

    def _send(self, method: str, *arguments: Any) -> None:
        message = Message(self._order.attempt, method, arguments)
        self.is_over = self.is_over or message.is_last
        self._send_message(message)


def portable(error: BaseException) -> Exception:
    """An error as another process can have it, its traceback in its notes.

    A full disk is this machine's, not the store's, so it loses its type.
    """
    if is_disk_full(error):
        place = f"{socket.gethostname()} ({tempfile.gettempdir()})"
        carried: Exception = UserError(
            f"no space is left on the disk of {place}; free some, and give the command again"
        )
    elif isinstance(error, UserError):
        carried = UserError(str(error))
    elif isinstance(error, Exception) and _travels(error):
        carried = error
    else:
        carried = RuntimeError(f"{type(error).__name__}: {error}")
    carried.add_note("".join(traceback.format_exception(error)))
    return carried


def _travels(error: Exception) -> bool:
    """Whether it comes back from a pickle as it was; errors of libraries with a signature of their own do not."""
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return type(copy) is type(error) and str(copy) == str(error)


@lru_cache(maxsize=8)
def _source(folder: Path, model: ModelReference) -> ModelSource:
    """The model in a folder, called as in the spec.

    Raises:
        UserError: it is another one.
    """
    source = ModelSource(model.name, find_model(str(folder)).folder)
    if source.fingerprint != model.fingerprint:
        raise UserError(f"the files of the model {model.name!r} in {folder} were changed there; remove that folder")
    return source


def _write_files(files: Mapping[str, np.ndarray[Any, Any]], folder: Path) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        content.tofile(folder / name)


def _size(value: Any) -> int:
    """About how many bytes a value takes."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value))
    return _size(value.values) + 100 if hasattr(value, "values") else 100
