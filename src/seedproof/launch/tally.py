"""What became of the runs of a launch, told from its events, and how a launch ends."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event
from seedproof.spec import RunSpec
from seedproof.store import disk_full_message

if TYPE_CHECKING:
    from seedproof.launch.base import Work


@dataclass(kw_only=True)
class Summary:
    """What became of the runs that a launcher was given, by id."""

    finished: list[str] = field(default_factory=list)
    """Finished now or before."""
    crashed: dict[str, str] = field(default_factory=dict)
    """Messages of the crashed runs by id."""
    interrupted: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    """Waiting, saved, until their race is decided."""
    held: list[str] = field(default_factory=list)
    """Being executed by another launcher."""
    not_started: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """E.g. ``"3 runs finished, 2 interrupted"``; what is zero is left out."""
        counts = {item.name: len(getattr(self, item.name)) for item in dataclasses.fields(self)}
        parts = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        return f"runs: {', '.join(parts)}" if parts else "no runs"


class StudyInterrupted(KeyboardInterrupt):
    """Ctrl-C (or SIGTERM) ended the launcher cleanly; the same call goes on from here."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(f"interrupted; {summary}; give the same command again to continue")
        self.summary = summary


class Tally:
    """What became of the runs of a launch so far, and whether it is to stop.

    Args:
        work: what the launcher was given; its finished runs are counted at once.
    """

    def __init__(self, work: Work) -> None:
        self.summary = Summary()
        self.left: list[RunSpec] = []
        """The runs to execute."""
        self.is_stopping = False
        """Whether no further run is to be begun, and those that run are to end."""
        self.is_disk_full = False
        self._store = work.store
        self._refused: list[str] = []
        for spec in work.specs:
            if spec.id not in work.repeat and work.store.run(spec.id).is_finished:
                self.summary.finished.append(spec.id)
            else:
                self.left.append(spec)

    def take(self, event: Event) -> None:
        """Enter an event."""
        match event:
            case events.Finished():
                self.summary.finished.append(event.run)
            case events.Crashed():
                self.summary.crashed[event.run] = event.message
                self._refused += [event.message] if event.refused else []
            case events.Interrupted():
                self.summary.interrupted.append(event.run)
                self.is_disk_full |= event.disk_full
                self.is_stopping = True  # also when it was the worker itself that somebody asked to stop
            case events.Paused():
                self.summary.paused.append(event.run)
            case events.Held():
                self.summary.held.append(event.run)
            case events.Stopping():
                self.is_stopping = True

    def conclude(self) -> Summary:
        """The summary of a launch that has ended; runs of which no end was told were not started.

        Raises:
            StudyInterrupted: it was asked to stop.
            UserError: the disk is full, or runs could not be begun.
        """
        summary = self.summary
        ended = {*summary.finished, *summary.crashed, *summary.interrupted, *summary.paused, *summary.held}
        summary.not_started = [spec.id for spec in self.left if spec.id not in ended]
        if self.is_disk_full:
            raise UserError(disk_full_message(self._store.path))
        if self.is_stopping:
            raise StudyInterrupted(summary)
        if self._refused:
            count = f"{len(self._refused)} run{'s' if len(self._refused) > 1 else ''}"
            raise UserError(
                f"{count} could not be begun: {self._refused[0]}; mend that and give the same command again"
            )
        return summary
