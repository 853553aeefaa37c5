"""What a budget leaves of seeds and epochs, and that it is decided once."""

from __future__ import annotations

import dataclasses

import pytest

from seedproof.errors import UserError
from seedproof.fitting.deciding import Asked, decide, epochs_for, parse_budget, read_decision, write_decision

ASKED = Asked(task="t", model="m", recipe="mosbach", settings={"learning_rate": 1e-4}, seeds=5, budget=None)


def decided(examples=1000, jobs=1, per_epoch=10.0, **asked):
    return decide(
        dataclasses.replace(ASKED, **asked), examples, jobs, lambda settings: per_epoch * settings.get("epochs", 20.0)
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("1.5 h", 5400), ("45s", 45)]
)
def test_a_budget_is_a_length_of_time(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["2", "h", "2x", "0h", "-1h", "", "2h!"])
def test_what_is_no_length_of_time_is_named(text):
    with pytest.raises(UserError, match=r"--budget .* such as 2h, 90m or 1h30m"):
        parse_budget(text)


def test_without_a_budget_all_seeds_are_trained():
    decision = decided()
    assert (decision.seeds, decision.settings) == (5, ASKED.settings)
    assert decision.estimate.startswith("estimate: 17 min (5 seeds, 1 at a time)")


def test_seeds_that_do_not_fit_are_left_out_and_that_is_said():
    decision = decided(budget=650.0)
    assert decision.seeds == 3
    assert decision.decided[0].startswith("warning: 3 of the 5 seeds fit into 11 min")
    assert decided(budget=650.0, jobs=2).seeds == 5


def test_a_budget_that_is_too_short_for_one_run_is_one_message():
    with pytest.raises(
        UserError, match="the budget of 2 min is too short for one run, which takes 3 min here; give more time"
    ):
        decided(budget=100.0)
    with pytest.raises(UserError, match="too short for one run, which takes 30 s here"):
        decided(budget=20.0, is_auto=True)


@pytest.mark.parametrize(
    ("examples", "epochs"), [(480, 20.0), (2_400, 20.0), (4_800, 10.0), (9_600, 5.0), (10**6, 3.0)]
)
def test_auto_sees_about_as_many_examples_whatever_the_size(examples, epochs):
    assert epochs_for(examples) == epochs
    assert decided(examples, is_auto=True).settings["epochs"] == epochs


def test_auto_gives_up_epochs_before_seeds():
    decision = decided(is_auto=True, budget=350.0)
    assert (decision.settings["epochs"], decision.seeds) == (7.0, 5)
    decision = decided(is_auto=True, budget=100.0)
    assert (decision.settings["epochs"], decision.seeds) == (3.0, 3)
    assert len(decision.decided) == 3


def test_the_same_question_has_the_same_answer_whatever_a_step_takes_now(tmp_path):
    decision = decided(budget=650.0)
    asked = dataclasses.replace(ASKED, budget=650.0)
    assert read_decision(tmp_path, asked) is None
    write_decision(tmp_path, asked, decision)
    assert read_decision(tmp_path, asked) == dataclasses.replace(decision, estimate="")
    assert read_decision(tmp_path, dataclasses.replace(asked, seeds=6)) is None
    (tmp_path / "fit.json").write_text("{")
    with pytest.raises(
        UserError, match=r"fit\.json is damaged .*; restore it from a copy, or remove it to decide anew"
    ):
        read_decision(tmp_path, asked)


def test_a_race_takes_its_part_of_the_time_or_does_not_fit():
    """Ten runs of 200 s, 65 % of them: 1,300 s."""
    race = {"seeds": 10, "race": "10:5@0.3"}
    assert decided(**race, budget=1300.0).seeds == 10
    with pytest.raises(
        UserError, match=r"the race 10:5@0.3 takes 22 min here, more than the budget of 20 min; give more time"
    ):
        decided(**race, budget=1200.0)
    assert "race" not in ASKED.to_json()
