"""A race as a value: what is written, refused, kept and ranked."""

from __future__ import annotations

import math

import pytest

from seedproof.errors import UserError
from seedproof.execution.race import Decision, Race, add_decision, decisions, ranking
from seedproof.spec import Numerics
from seedproof.store import Store


def test_it_is_written_as_it_is_read(tmp_path):
    race = Race.parse(" 10 : 5 @ .25", stop_doomed=True)
    assert race == Race(started=10, finished=5, at=0.25, stop_doomed=True)
    assert str(race) == "10:5@0.25"
    assert Race.parse("10:5") == Race(started=10, finished=5, at=0.3)
    assert Race.read(tmp_path) is None
    race.write(tmp_path)
    assert Race.read(tmp_path) == race


def test_what_it_costs_is_the_part_before_the_decision_and_that_of_those_that_go_on():
    """All run 30 %; half of them the other 70 %."""
    assert Race.parse("10:5@0.3").share == pytest.approx(0.3 + 0.7 / 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ten:5", "'ten:5' is not valid; give how many runs start and how many finish, e.g. 10:5"),
        ("10", "'10' is not valid"),
        ("10:5@half", "is not valid"),
        ("0:0", "whole numbers of runs, found 0"),
        ("5:5", "finishes all of them, so it stops none; give fewer that finish, or leave the race out"),
        ("5:10", "starts 5 runs and finishes 10, so it stops none"),
        ("10:5@0", "at 0.0 of training; give a fraction between 0 and 1"),
        ("10:5@1", "at 1.0 of training"),
    ],
)
def test_what_is_no_race_is_refused_with_what_to_give(text, said):
    with pytest.raises(UserError) as refused:
        Race.parse(text)
    assert said in str(refused.value)


def test_the_best_go_on_and_of_equals_the_first_and_who_has_no_score_is_last():
    assert ranking({"a": math.nan, "b": 0.5, "c": 0.7, "d": 0.5}) == ["c", "b", "d", "a"]


def test_decisions_are_kept_in_the_store(tmp_path):
    store = Store.create(tmp_path / "s", "s", Numerics())
    kept = Decision(task="t", model="m", recipe="r", step=6, scores={"a": 0.5, "b": 0.25}, going_on=("a",))
    add_decision(store, kept)
    assert decisions(store) == [kept]
