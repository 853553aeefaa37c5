"""Runs that ended are written once, each as what it is."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from tests.track.handmade import ENDS, Remembering, append, begin, race, spec_of

from seedproof.errors import UserError
from seedproof.store.cells import Cell
from seedproof.track.reading import ending_of
from seedproof.track.whole import track


def test_every_run_that_ended_is_there_as_what_it_is(store, tracker):
    done = track(store, tracker)
    assert done.verdicts == Counter(ENDS.values())
    found = {run.name: tracker.ends[key].verdict for key, (run, _) in tracker.told.items()}
    assert found == {f"seed 1/{seed}/7": end for seed, end in ENDS.items()}


def test_one_group_per_recipe_one_run_per_seed_and_the_parts_of_the_seed_as_settings(store, tracker):
    begin(store, 0, recipe="mosbach")
    store.run(spec_of(0, "mosbach").id).add_attempt_event("interrupted")
    track(store, tracker)
    runs = [run for run, _ in tracker.told.values()]
    assert Counter(run.group for run in runs) == {
        "glue/rte, miniature/bert, devlin": 4,
        "glue/rte, miniature/bert, mosbach": 1,
    }
    config = runs[1].config
    assert (config["head_seed"], config["order_seed"], config["dropout_seed"]) == (1, 1, 7)
    assert (config["epochs"], config["max_steps"], config["engine"]) == (3.0, "none", "plain")
    assert config["run"] == runs[1].id


def test_the_numbers_are_those_of_the_journal(store, tracker):
    track(store, tracker)
    [logged] = tracker.logged("seed 1/0/7")
    last = {"train/loss": 0.5, "dev/accuracy": 0.5, "dev/f1:a*": 0.1, "dev/entropy": 0.2, "drift/total": 5.0}
    assert logged == [(1, {"train/loss": 0.7}), (2, last)]


def test_what_is_not_finite_is_handed_on_as_it_is(store, tracker):
    track(store, tracker)
    [logged] = tracker.logged("seed 1/2/7")
    assert math.isnan(logged[-1][1]["train/loss"])
    [score] = [end.summary["score"] for end in tracker.ends.values() if end.verdict == "failed/diverged"]
    assert math.isnan(score)


def test_writing_again_changes_nothing_until_something_is_new(store, tracker):
    track(store, tracker)
    again = track(store, tracker)
    assert (again.there, tracker.begun) == (4, 4)
    assert str(again).endswith("1 crashed (4 were there already)")
    append(store, spec_of(3).id, step=3, loss=0.4)
    assert (track(store, tracker).there, tracker.begun) == (3, 5)


def test_what_still_waits_is_left_out_and_said(store, tracker):
    store.add(spec_of(9))
    store.add_cells([Cell.of(spec_of(9))])
    done = track(store, tracker)
    assert str(done) == "4 runs: 1 succeeded, 1 failed/majority, 1 failed/diverged, 1 crashed; left out: 1 pending"
    assert track(store, Remembering(), finished=True).left_out == {"crashed": 1, "pending": 1}


def test_a_stopped_run_is_there_with_its_reason_and_one_that_waits_for_its_race_is_left_out(store, tracker):
    race(store)
    done = track(store, tracker)
    assert (done.verdicts["stopped/race"], done.left_out) == (1, {"paused": 1})
    [end] = [end for end in tracker.ends.values() if end.verdict == "stopped/race"]
    assert (end.is_finished, end.is_failure) == (True, False)
    assert {name: end.summary[name] for name in ("stopped_at", "stopped_score", "stopped_because")} == {
        "stopped_at": 2,
        "stopped_score": 0.5,
        "stopped_because": "it is 6th of 10",
    }


def test_a_run_in_two_cells_is_in_both_groups(store, tracker):
    cell = Cell.of(spec_of(0))
    store.add_cells([Cell(**{**cell.to_json(), "recipe": "the same"})])
    track(store, tracker)
    assert len(tracker.told) == 5


def test_a_tracker_that_refuses_is_one_message(store, tracker, monkeypatch):
    def refuse(self, run):
        raise OSError("no space left")

    monkeypatch.setattr(Remembering, "begin", refuse)
    with pytest.raises(
        UserError, match=r"'remembering' did not take the run \w+ \(glue/rte, .* seed 1/0/7\).*no space"
    ):
        track(store, tracker)


def test_the_same_end_has_the_same_content_however_it_was_read(store):
    folder = store.run(spec_of(2).id)
    assert ending_of(folder, "finished").content == ending_of(store.run(folder.id), "crashed").content
