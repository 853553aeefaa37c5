"""Events: what happens to runs while they execute, told to listeners. Frozen values that travel between processes as JSON.

def listener(event: Event) -> None:
    match event:
        case Finished():
            print(event.run, event.outcome, event.score)

study.run("out/first", listeners=[listener])
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROGRESS_SECONDS = 0.1
"""Progress of one run is passed on at most this often; its last step always is."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a run, or to a launcher."""

    run: str = ""
    """Id of the run; empty where it is about none."""

    def to_json(self) -> dict[str, Any]:
        """JSON values: the event's name in lower case under ``event``, and its fields. A loss may be no finite number."""
        return {"event": type(self).__name__.lower(), **dataclasses.asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """A run is held and has begun, or goes on."""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """A run has done a step."""

    step: int
    steps: int
    """Steps of the whole run."""
    loss: float | None = None
    """Training loss of the step; None at step 0, which is the untrained model."""


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """A run has its result, now or since an earlier launch."""

    outcome: str
    """``succeeded``, ``failed`` or ``stopped``. A failed run is a result, not an error."""
    reason: str | None = None
    """Why it failed, ``majority`` or ``diverged``, or what stopped it, ``race`` or ``alarm``."""
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Crashed(Event):
    """An error ended a run; the next launch tries it again."""

    message: str
    refused: bool = False
    """Nothing could be written into the folder of the run, so nothing there says so."""


@dataclass(frozen=True, kw_only=True)
class Interrupted(Event):
    """A run was stopped without a fault of its own; the next launch goes on from its last checkpoint."""

    disk_full: bool = False
    """No space was left on the disk of the store, so the launcher stops."""


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """A run waits, saved, until its race is decided."""

    step: int
    """Steps that it has done."""


@dataclass(frozen=True, kw_only=True)
class Held(Event):
    """A run is being executed by another process and is left to it."""

    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Note(Event):
    """Something that a person should know; of a run, or of all."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Stopping(Event):
    """The launcher was asked to stop: every run ends after its present step."""


Listener = Callable[[Event], None]
"""Called with each event in the thread of the launcher. What it raises ends the launch."""

KINDS: Mapping[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in (Started, Progress, Finished, Crashed, Interrupted, Paused, Held, Note, Stopping)
}
"""Every kind of event by its name in JSON."""


def is_end(event: Event) -> bool:
    """Whether the launch has done with the event's run."""
    return isinstance(event, (Finished, Crashed, Interrupted, Paused, Held))


def from_json(content: Mapping[str, Any]) -> Event:
    """The event that :meth:`Event.to_json` wrote.

    Raises:
        ValueError: it is none.
    """
    fields = dict(content)
    try:
        return KINDS[fields.pop("event")](**fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an event: {content!r}") from error


def throttled(send: Listener) -> Listener:
    """A listener that passes events on, of a run's progress one every ``PROGRESS_SECONDS`` and the last step."""
    last: dict[str, float] = {}

    def pass_on(event: Event) -> None:
        if isinstance(event, Progress):
            now = time.monotonic()
            if event.step < event.steps and now - last.get(event.run, 0.0) < PROGRESS_SECONDS:
                return
            last[event.run] = now
        send(event)

    return pass_on


def all_of(listeners: Sequence[Listener]) -> Listener:
    """One listener that tells several, in their order."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
