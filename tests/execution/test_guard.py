"""An alarm over a run: it sounds once, and stops where it may."""

from __future__ import annotations

import math

import pytest

from seedproof.alarms import Alarm
from seedproof.execution.guard import Guard
from seedproof.training.engine import Record


class Third(Alarm):
    """Sounds at every step from the third it sees."""

    def __init__(self):
        self.seen = 0

    def see(self, signals):
        self.seen += 1
        return f"it has seen {self.seen}" if self.seen >= 3 else None


def guard(*, may_stop: bool, steps: int = 10) -> Guard:
    return Guard(Third(), steps=steps, reference_loss=math.log(2), may_stop=may_stop)


def losses(step: int, loss: float = 0.7) -> list[Record]:
    return [Record(step, "loss", {"loss": loss})]


@pytest.mark.parametrize("may_stop", [True, False])
def test_it_sounds_once_and_stops_the_run_where_it_may(may_stop):
    watched = guard(may_stop=may_stop)
    found = [watched.see(step, losses(step)) for step in range(1, 6)]
    assert [why for why, _ in found] == [None, None, "it has seen 3", None, None]
    stopped = found[2][1]
    assert (stopped is not None) == may_stop
    assert stopped is None or (stopped.by, stopped.at, stopped.because) == ("alarm", 3, "it has seen 3")


@pytest.mark.parametrize(("step", "loss"), [(10, 0.7), (3, math.nan)])
def test_a_run_that_ends_there_anyway_is_not_stopped(step, loss):
    watched = guard(may_stop=True)
    watched.catch_up([{"step": each, "kind": "loss", "loss": 0.7} for each in (1, 2)])
    assert watched.see(step, losses(step, loss)) == ("it has seen 3", None)


def test_what_has_sounded_before_the_checkpoint_sounds_no_more():
    watched = guard(may_stop=True)
    before = [{"step": each, "kind": "loss", "loss": 0.7} for each in (1, 2, 3)]
    watched.catch_up([*before, {"step": 3, "kind": "alarm", "because": "it has seen 3"}])
    assert watched.see(4, losses(4)) == (None, None)
