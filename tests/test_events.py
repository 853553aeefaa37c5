"""Events travel as JSON and come back as they were; progress does not flood."""

from __future__ import annotations

import math

import pytest

from seedproof import events
from seedproof.store.encoding import dumps, loads


@pytest.mark.parametrize(
    "event",
    [
        events.Started(run="a"),
        events.Progress(run="a", step=1, steps=2, loss=0.5),
        events.Finished(run="a", outcome="failed", reason="diverged", score=math.inf),
        events.Crashed(run="a", message="boom", refused=True),
        events.Interrupted(run="a", disk_full=True),
        events.Paused(run="a", step=6),
        events.Held(run="a", message="by process 1"),
        events.Note(message="to all"),
        events.Stopping(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_comes_back_through_a_pipe_as_it_was(event):
    assert events.from_json(loads(dumps(event.to_json()))) == event


@pytest.mark.parametrize("content", [{}, {"event": "news", "run": "a"}, {"event": "progress", "run": "a"}])
def test_what_is_no_event_is_refused(content):
    with pytest.raises(ValueError, match="not an event"):
        events.from_json(content)


def test_progress_is_passed_on_seldom_and_the_last_step_always():
    heard = []
    listener = events.throttled(heard.append)
    listener(events.Started(run="a"))
    for step in range(1, 1001):
        listener(events.Progress(run="a", step=step, steps=1000))
    listener(events.Progress(run="b", step=1, steps=1000))
    assert heard[:2] == [events.Started(run="a"), events.Progress(run="a", step=1, steps=1000)]
    assert heard[-2:] == [events.Progress(run="a", step=1000, steps=1000), events.Progress(run="b", step=1, steps=1000)]
    assert len(heard) < 50
