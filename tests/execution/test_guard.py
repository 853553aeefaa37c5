"""An alarm over a run: it sounds once, and stops where it may."""

from __future__ import annotations

import math

import pytest

from seedproof.alarms import Alarm, Doomed
from seedproof.execution.guard import Guard, guard_of_race
from seedproof.execution.race import Race
from seedproof.recipes import as_recipe
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
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


@pytest.mark.parametrize(
    ("recipe", "race", "is_again", "may"),
    [
        ("devlin", "3:1", False, True),
        ("devlin", "3:1", True, False),
        ("devlin + llrd", "3:1", False, False),
        ("devlin + llrd", Race.parse("3:1", stop_doomed=True), False, True),
    ],
)
def test_a_race_stops_of_its_own_accord_what_was_measured_alone(monkeypatch, small_task, recipe, race, is_again, may):
    """The model, and no methods, which may change what its gradients look like."""
    monkeypatch.setattr(Doomed, "may_stop", lambda _self, model: model == "known")
    spec = RunSpec(
        task=TaskReference(name="t", fingerprint="a", train_examples=160, dev_examples=1),
        model=ModelReference(name="m", fingerprint="known", family="bert"),
        recipe=as_recipe(recipe).to_json(),
        seeds=Seeds.from_number(0),
        numerics=Numerics(),
    )
    wanted = Race.parse(race) if isinstance(race, str) else race
    assert guard_of_race(wanted, spec, small_task, is_again=is_again).may_stop is may


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
