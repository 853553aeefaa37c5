"""A listener that shows runs in a tracker while they train.

    study.run("out/first", listeners=[Tracking("out/first", "tensorboard:logs")])

An event says that a run got on; what it recorded is read from its journal, so that trackers see the same numbers live and
afterwards.
"""

from __future__ import annotations

import dataclasses
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from seedproof import events
from seedproof.errors import command
from seedproof.events import Event
from seedproof.models.checkpoint import reason
from seedproof.store import RunFolder, Store
from seedproof.store.cells import Cell
from seedproof.track.base import Ending, Tracker, Writer
from seedproof.track.named import tracker_of
from seedproof.track.reading import by_step, ending_of, tracked_runs
from seedproof.track.whole import track, write_whole

EVERY_SECONDS = 2.0
"""New records of a run are read at most this often."""


class TrackingStopped(UserWarning):
    """A tracker failed; the runs go on without it."""


class Tracking:
    """A listener (:mod:`seedproof.events`) that writes runs into a tracker as they train.

    A tracker that fails ends no run: that is said once, and what is missing can be written afterwards (:func:`track`).

    Args:
        folder: of the study; it is opened at the first event.
        written: as for :func:`seedproof.track.named.tracker_of`.
        say: told why tracking stopped; by default that is a warning.

    Raises:
        UserError: as :func:`seedproof.track.named.tracker_of`.
    """

    def __init__(
        self, folder: str | os.PathLike[str], written: str | Tracker, *, say: Callable[[str], None] | None = None
    ) -> None:
        self._folder = Path(folder)
        self.tracker = tracker_of(written)
        """Where runs go."""
        self._written = written if isinstance(written, str) else f"{self.tracker.name}:{self.tracker.place}"
        self.say = say or (lambda text: warnings.warn(text, TrackingStopped, stacklevel=4))
        """Told why tracking stopped."""
        self._store: Store | None = None
        self._cells: dict[str, list[Cell]] = {}
        self._open: dict[str, _Followed] = {}
        self.has_stopped = False
        """Whether the tracker failed."""

    def __call__(self, event: Event) -> None:
        """Take an event; never raises what a tracker does."""
        if self.has_stopped or not event.run:
            return
        try:
            self._take(event)
        except Exception as error:  # a package, a disk or a server, each with errors of its own
            self.has_stopped = True
            again = command("study", "track", self._folder, self._written)
            self.say(
                f"tracking in {self._written} stopped: {reason(error)}; the runs go on, and this writes them there "
                f"afterwards: {again}"
            )

    def catch_up(self) -> None:
        """Write the runs that finished before, so that the tracker holds the whole study.

        Raises:
            UserError: as :func:`seedproof.track.whole.track`.
        """
        track(Store.open(self._folder), self.tracker, finished=True)

    def _take(self, event: Event) -> None:
        folder = self._run(event.run)
        match event:
            case events.Started() if event.run in self._open:  # it goes on from a checkpoint: its journal is cut back
                self._open.pop(event.run).end(ending_of(folder, "interrupted"))
            case events.Progress() if not folder.is_finished:  # one that is done again beside itself is whole already
                self._follow(event.run).read(must=event.step == event.steps)
            case events.Finished():
                self._end(event.run, ending_of(folder, "finished"))
            case events.Crashed():
                self._end(event.run, ending_of(folder, "crashed"))
            case events.Interrupted():
                self._end(event.run, ending_of(folder, "interrupted"))
            case events.Paused():  # shown as waiting until its race is decided, when it goes on or is finished as stopped
                self._end(event.run, ending_of(folder, "paused"))

    def _run(self, id_: str) -> RunFolder:
        if self._store is None:
            self._store = Store.open(self._folder)
        if id_ not in self._cells:  # not read yet, or added meanwhile: a store of watched runs grows
            self._cells = {}
            for cell in self._store.cells():
                self._cells.setdefault(cell.id, []).append(cell)
        return self._store.run(id_)

    def _follow(self, id_: str) -> _Followed:
        assert self._store is not None
        if id_ not in self._open:
            runs = tracked_runs(self._store, self._cells.get(id_, []))
            self._open[id_] = _Followed(self._store.run(id_), [self.tracker.begin(run) for run in runs])
        return self._open[id_]

    def _end(self, id_: str, ending: Ending) -> None:
        assert self._store is not None
        folder, followed = self._store.run(id_), self._open.pop(id_, None)
        if followed is not None and followed.end(ending):
            return
        for run in tracked_runs(self._store, self._cells.get(id_, [])):
            write_whole(self.tracker, run, folder, ending)


class _Followed:
    """A run whose journal is read while it grows, into one writer for each of its cells."""

    def __init__(self, folder: RunFolder, writers: list[Writer]) -> None:
        self._journal, self._writers = folder.journal, writers
        self._position, self._read = 0, 0.0

    def read(self, *, must: bool = False) -> None:
        """Hand on the records that are new, if some time has passed."""
        if not must and time.monotonic() - self._read < EVERY_SECONDS:
            return
        self._read = time.monotonic()
        records, self._position = self._journal.read_behind(self._position)
        for step, values in by_step(records):
            for writer in self._writers:
                writer.log(step, values)
        for writer in self._writers:
            writer.flush()

    def end(self, ending: Ending) -> bool:
        """Hand on the last records and the end; whether these were all that the journal holds."""
        self.read(must=True)
        path = self._journal.path
        is_whole = self._position == (path.stat().st_size if path.exists() else 0)
        for writer in self._writers:
            writer.end(ending if is_whole else dataclasses.replace(ending, content=""))
        return is_whole
