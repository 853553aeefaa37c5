"""The option ``--track``, and ``seedproof study track``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.cli.streams import say

if TYPE_CHECKING:
    from seedproof.track.live import Tracking


def check_trackers(written: Sequence[str] | None) -> None:
    """Refuse what names no tracker, or one whose package is missing, before anything is planned.

    Raises:
        UserError: names it, and what to do.
    """
    for each in written or ():
        from seedproof.track.named import check_tracker

        check_tracker(each)


def begun_trackers(folder: Path, written: Sequence[str]) -> Iterator[Tracking]:
    """A listener for each tracker, whose place is ready.

    Raises:
        UserError: a place cannot be used.
    """
    for each in dict.fromkeys(written):
        from seedproof.track.live import Tracking

        yield Tracking(folder, each)


@contextmanager
def followed(live: Sequence[Tracking]) -> Iterator[Sequence[Tracking]]:
    """Trackers that hold what finished before, and at the end say how to look at them, or why they stopped.

    Raises:
        UserError: one does not take the runs that finished before.
    """
    said: list[str] = []
    for each in live:
        each.say = said.append  # the display of the progress has the terminal until then
        each.catch_up()
    try:
        yield live
    finally:
        for line in said:
            say(f"warning: {line}", err=True)
        for each in live:
            if not each.has_stopped and (look := each.tracker.look()):
                say(look, err=True)


def track_whole(folder: Path, written: Sequence[str]) -> None:
    """Write a study into trackers.

    Raises:
        UserError: there is no study, no such tracker, or it does not take the runs.
    """
    from seedproof.store import Store
    from seedproof.track.named import tracker_of
    from seedproof.track.whole import track

    store, trackers = Store.open(folder), {each: tracker_of(each) for each in written}
    for each, tracker in trackers.items():
        say(f"{each}: {track(store, tracker)}")
        if look := tracker.look():
            say(look, err=True)
