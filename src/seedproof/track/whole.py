"""Runs that ended, written into a tracker from their store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from seedproof.errors import UserError
from seedproof.models.checkpoint import reason
from seedproof.store import RunFolder, Store
from seedproof.track.base import Ending, TrackedRun, Tracker
from seedproof.track.named import tracker_of
from seedproof.track.reading import by_step, ending_of, tracked_runs

_LEFT_OUT = ("pending", "running", "paused")


@dataclass(frozen=True)
class Tracked:
    """What a call of :func:`track` did."""

    verdicts: Counter[str]
    """Runs by verdict, of those that the tracker has now."""
    there: int
    """How many of these it had before, whole."""
    left_out: Counter[str]
    """Runs by state, of those that it was not given: pending, running and paused ones."""

    def __str__(self) -> str:
        """E.g. ``"4 runs: 2 succeeded, 2 failed/majority (3 were there already); left out: 1 running"``."""
        count = sum(self.verdicts.values())
        text = f"{count} run{'' if count == 1 else 's'}"
        text += f": {_counts(self.verdicts)}" if count else ""
        text += f" ({self.there} {'was' if self.there == 1 else 'were'} there already)" if self.there else ""
        return text + (f"; left out: {_counts(self.left_out)}" if self.left_out else "")


def _counts(words: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in words.items())


def track(
    store: Store, written: str | Tracker, *, finished: bool = False, done: Callable[[int, int], None] | None = None
) -> Tracked:
    """Write every run of a store that ended into a tracker. What is there already, and has not changed, is left alone.

    Args:
        store: of the study.
        written: as for :func:`seedproof.track.named.tracker_of`.
        finished: leave out those that crashed or were interrupted, as they are about to go on.
        done: told how many of how many runs are done.

    Raises:
        UserError: as there; the tracker refuses a run; a file of the store is damaged.
    """
    tracker = tracker_of(written)
    cells = store.cells()
    states = {id_: str(state) for id_, state in store.states(cells).items()}
    left_out = (*_LEFT_OUT, "crashed", "interrupted", "lost") if finished else _LEFT_OUT
    ended = [cell for cell in cells if states[cell.id] not in left_out]
    verdicts, there = Counter[str](), 0
    for number, run in enumerate(tracked_runs(store, ended), start=1):
        folder = store.run(run.id)
        ending = ending_of(folder, states[run.id])
        there += not write_whole(tracker, run, folder, ending)
        verdicts[ending.verdict] += 1
        if done is not None:
            done(number, len(ended))
    return Tracked(verdicts, there, Counter(states[cell.id] for cell in cells if states[cell.id] in left_out))


def write_whole(tracker: Tracker, run: TrackedRun, folder: RunFolder, ending: Ending) -> bool:
    """Write a run from its first record to its end; False where it was there already.

    Raises:
        UserError: the tracker refuses it.
    """
    try:
        if tracker.is_written(run, ending.content):
            return False
        writer = tracker.begin(run)
        for step, values in by_step(folder.records()):
            writer.log(step, values)
        writer.end(ending)
    except UserError:
        raise
    except Exception as error:  # a package, a disk or a server, each with errors of its own
        raise UserError(
            f"the tracker {tracker.name!r} did not take the run {run.id} ({run.group}, {run.name}) at {tracker.place!r}: "
            f"{reason(error)}"
        ) from error
    return True
