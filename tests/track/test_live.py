"""Live and afterwards a tracker sees the same; a tracker that fails ends no run."""

from __future__ import annotations

import pytest
from tests.track.handmade import Remembering, append, begin, finish, race

import seedproof as sp
from seedproof.events import Crashed, Finished, Interrupted, Paused, Progress, Started
from seedproof.spec import Numerics
from seedproof.store import Store
from seedproof.track.live import Tracking, TrackingStopped
from seedproof.track.whole import track


@pytest.fixture
def empty(tmp_path):
    return Store.create(tmp_path / "live", "first", Numerics())


def numbers(tracker):
    """What a tracker was told, step by step, by key of the run."""
    merged = {}
    for key, (_, logged) in tracker.told.items():
        steps = merged.setdefault(key, {})
        for step, values in logged:
            steps.setdefault(step, {}).update({name: repr(value) for name, value in values.items()})
    return merged


def test_a_run_is_told_while_it_trains_and_its_end_when_it_ends(empty, tracker):
    live, run = Tracking(empty.path, tracker), begin(empty, 1)
    live(Started(run=run))
    assert not tracker.told
    live(Progress(run=run, step=1, steps=3))
    assert [step for step, _ in tracker.logged("seed 1/1/7")[0]] == [1, 2]
    append(empty, run, step=3, loss=0.4)
    finish(empty, 1)
    live(Finished(run=run, outcome="failed", reason="majority"))
    assert [end.verdict for end in tracker.ends.values()] == ["failed/majority"]
    afterwards = Remembering()
    track(empty, afterwards)
    assert numbers(afterwards) == numbers(tracker)
    assert track(empty, tracker).there == 1


def test_a_run_that_goes_on_from_a_checkpoint_is_told_anew(empty, tracker):
    live, run = Tracking(empty.path, tracker), begin(empty, 0)
    live(Progress(run=run, step=2, steps=3))
    empty.run(run).journal.cut_back(1)
    live(Started(run=run))
    live(Progress(run=run, step=1, steps=3))
    assert [step for step, _ in tracker.logged("seed 1/0/7")[0]] == [1]


def test_what_ends_without_a_step_is_there_too(empty, tracker):
    runs, live = [begin(empty, 0), begin(empty, 1)], Tracking(empty.path, tracker)
    live(Crashed(run=runs[0], message="a fault"))
    live(Interrupted(run=runs[1]))
    assert sorted(end.verdict for end in tracker.ends.values()) == ["crashed", "interrupted"]


def test_runs_that_are_added_meanwhile_are_told_too(empty, tracker):
    """As a Trainer's are: its store grows with every training."""
    live = Tracking(empty.path, tracker)
    for seed in (0, 1):
        live(Progress(run=begin(empty, seed), step=2, steps=2))
    assert [run.name for run, _ in tracker.told.values()] == ["seed 1/0/7", "seed 1/1/7"]


def test_a_run_that_waits_for_its_race_is_told_to_wait(empty, tracker):
    _, run = race(empty)
    live = Tracking(empty.path, tracker)
    live(Progress(run=run, step=2, steps=4))
    live(Paused(run=run, step=2))
    assert [(end.verdict, end.is_failure) for end in tracker.ends.values()] == [("paused", False)]


def test_a_run_whose_journal_was_replaced_is_written_whole(empty, tracker):
    live, run = Tracking(empty.path, tracker), begin(empty, 0)
    live(Progress(run=run, step=2, steps=2))
    empty.run(run).journal.clear()
    for step in (1, 2):
        append(empty, run, step=step, loss=0.3)
    finish(empty, 0)
    live(Finished(run=run, outcome="succeeded"))
    assert tracker.logged("seed 1/0/7") == [[(1, {"train/loss": 0.3}), (2, {"train/loss": 0.3})]]


def test_a_tracker_that_fails_ends_no_run_and_says_how_to_go_on(empty, tracker, monkeypatch):
    def fail(self, step, values):
        raise OSError("the server is gone")

    monkeypatch.setattr("tests.track.handmade.Remembered.log", fail)
    live, run = Tracking(empty.path, tracker), begin(empty, 0)
    with pytest.warns(
        TrackingStopped, match=r"stopped: the server is gone; the runs go on.*seedproof study track .*live"
    ):
        live(Progress(run=run, step=1, steps=2))
    live(Progress(run=run, step=2, steps=2))  # no second warning
    assert live.has_stopped


def test_what_finished_before_is_caught_up_with(store, tracker):
    Tracking(store.path, tracker).catch_up()
    assert sorted(end.verdict for end in tracker.ends.values()) == ["failed/diverged", "failed/majority", "succeeded"]


@pytest.mark.slow
def test_a_study_that_trains_is_tracked(tmp_path, tiny_model, small_task):
    tracker = Remembering()
    study = sp.Study("live", tasks=[small_task], models=[str(tiny_model)], seeds=2, settings={"max_steps": 4})
    live = sp.Tracking(tmp_path / "s", tracker)
    results = study.run(tmp_path / "s", launcher="inline", listeners=[live], progress=False)
    afterwards = Remembering()
    assert sum(results.track(afterwards).verdicts.values()) == 2
    assert numbers(afterwards) == numbers(tracker)
