"""More recordings of finished runs: added when both executions agree, refused when they do not."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from seedproof.events import Crashed, Note
from seedproof.execution import plain
from seedproof.execution.again import tolerance, widened
from seedproof.execution.recording import Recording, lacks
from seedproof.execution.run_session import RunSession
from seedproof.recipes import recipe
from seedproof.store import RunFolder, Store
from seedproof.study.study import Study

FEW = Recording(probes={"drift": 1})
MORE = Recording(probes={"gradients": 2}, weights=True)


def execute(store, id_):
    """Execute a run as a launcher does, and return the events."""
    heard = []
    with RunSession(store, id_, heard.append, repeat=True) as session:
        if session is not None:
            plain.execute(session)
    return heard


@pytest.fixture
def finished(tmp_path, tiny_model, small_task):
    """A store with one finished run, executed in this process."""
    chosen = recipe("devlin", learning_rate=1e-3, max_steps=4)
    study = Study("again", tasks=[small_task], models=[str(tiny_model)], recipes=[chosen], seeds=1, recording=FEW)
    store, _ = study.prepare(tmp_path / "study")
    execute(store, store.run_ids()[0])
    return store


def records(store, kind):
    return [r for r in store.run(store.run_ids()[0]).journal.read() if r["kind"] == kind]


def test_what_is_lacking():
    recorded = {"drift": 1, "evaluations": None, "weights": False}
    assert not lacks(recorded, FEW)
    assert lacks(recorded, MORE)
    assert lacks(recorded, Recording(probes={"drift": 1}, evaluations=3))
    assert not lacks({"drift": 1, "gradients": 5}, Recording(probes={"gradients": 10}))
    assert lacks({"drift": 1, "gradients": 10}, Recording(probes={"gradients": 5}))
    assert widened({"gradients": 4}, Recording(probes={"gradients": 10})).probes == {"gradients": 2}
    wide = widened(recorded, MORE)
    assert wide.probes == {"drift": 1, "gradients": 2}
    assert wide.weights


def test_recordings_are_added_and_nothing_is_lost(finished):
    folder = finished.run(finished.run_ids()[0])
    before, losses = folder.result(), [r["loss"] for r in records(finished, "loss")]
    assert not records(finished, "gradients")
    MORE.write(finished.path)
    execute(finished, folder.id)
    after = folder.result()
    assert [r["loss"] for r in records(finished, "loss")] == losses
    assert records(finished, "gradients")
    assert records(finished, "drift")
    assert (folder.weights / "model.safetensors").is_file()
    assert after.pop("recordings") != before.pop("recordings")
    assert after["ending"].pop("vanished_for_good") is not before["ending"].pop(
        "vanished_for_good"
    )  # told by what was added
    assert after == before
    assert not (folder.path / "again").exists()


def test_a_kill_while_records_are_taken_over_is_gone_on_from(finished, monkeypatch):
    """The new records are in the run's folder then, and there is nothing left to compare."""
    folder, write = finished.run(finished.run_ids()[0]), RunFolder.write_result
    MORE.write(finished.path)

    def killed(self, result):
        if self.path == folder.path:
            raise KeyboardInterrupt
        write(self, result)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_result", killed)
        with pytest.raises(KeyboardInterrupt):
            execute(finished, folder.id)
    assert (folder.path / "again").exists()
    assert not [event for event in execute(finished, folder.id) if isinstance(event, Crashed)]
    assert records(finished, "gradients")
    assert not lacks(folder.result()["recordings"], MORE)
    assert not (folder.path / "again").exists()


def test_a_run_that_does_not_reproduce_is_kept_as_it_was(finished):
    folder = finished.run(finished.run_ids()[0])
    lines = folder.journal.path.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if json.loads(line)["kind"] == "loss")
    record = json.loads(lines[place])
    lines[place] = json.dumps({**record, "loss": float(np.nextafter(record["loss"], 9))})
    folder.journal.path.write_text("\n".join(lines) + "\n")
    folder.journal.seal()  # as another machine would have written it
    before = folder.journal.path.read_bytes(), folder.result()
    MORE.write(finished.path)
    assert "loss at step 1 differs" in execute(finished, folder.id)[-1].message
    assert (folder.journal.path.read_bytes(), folder.result()) == before


def test_a_diverged_run_stays_diverged_when_it_goes_on(tmp_path, tiny_model, small_task, monkeypatch):
    """Killed between its last record and its result, it must not be trained on from a checkpoint."""
    chosen = recipe("devlin", learning_rate=1e30, weight_decay=0.0, max_steps=6)
    eager = Recording(checkpoint_seconds=0.0)
    study = Study("diverged", tasks=[small_task], models=[str(tiny_model)], recipes=[chosen], seeds=1, recording=eager)
    store, _ = study.prepare(tmp_path / "study")
    folder = store.run(store.run_ids()[0])
    with monkeypatch.context() as patch:
        patch.setattr("seedproof.execution.run_session.make_result", None)
        assert "TypeError" in execute(store, folder.id)[-1].message
    last = [r for r in folder.journal.read() if r["kind"] == "loss"][-1]
    assert not np.isfinite(last["loss"])
    assert folder.load_checkpoint()[0] < last["step"] < 6
    execute(store, folder.id)
    result = folder.result()
    assert (result["outcome"], result["reason"], result["diverged_at"]) == ("failed", "diverged", last["step"])
    assert [r["step"] for r in folder.journal.read() if r["kind"] == "loss"] == list(range(1, last["step"] + 1))


def test_a_task_that_was_half_written_is_written_again(tmp_path, tiny_model, small_task):
    study = Study("half", tasks=[small_task], models=[str(tiny_model)], recipes=["devlin"], seeds=1)
    store, _ = study.prepare(tmp_path / "study")
    description = next(store.task_folder(small_task.fingerprint).glob("*.json"))
    description.unlink()
    study.prepare(tmp_path / "study")
    assert description.exists()


def test_a_finished_run_that_lacks_nothing_is_left_alone(finished):
    folder = finished.run(finished.run_ids()[0])
    stamp = folder.journal.path.stat().st_mtime_ns
    execute(finished, folder.id)
    assert folder.journal.path.stat().st_mtime_ns == stamp


def fleet_study(model, task, recording, seeds=2):
    chosen = [recipe("devlin", learning_rate=1e-3, max_steps=6)]
    return Study(
        "f", tasks=[task], models=[str(model)], recipes=chosen, seeds=seeds, engine="fleet", recording=recording
    )


@pytest.fixture
def finished_fleet(tmp_path, tiny_model, small_task):
    """The folder of a study with two finished runs of a fleet."""
    folder = tmp_path / "study"
    fleet_study(tiny_model, small_task, FEW).run(folder, launcher="inline", progress=False)
    return folder


@pytest.mark.slow
def test_runs_of_a_fleet_are_done_again_too_and_taken_whole_where_they_agree(finished_fleet, tiny_model, small_task):
    """In other company: a third run joins. Records, result and weights are of one attempt, the score before is noted."""
    store = Store.open(finished_fleet)
    before = {id_: store.run(id_).result() for id_ in store.run_ids()}
    study = fleet_study(tiny_model, small_task, MORE, seeds=3)
    planned = study.plan(study.numerics(finished_fleet), finished_fleet)
    left = study.left(planned, finished_fleet)
    assert (len(left.specs), left.again) == (3, frozenset(before))  # what a dry run counts
    heard = []
    study.run(finished_fleet, launcher="inline", progress=False, listeners=[heard.append])
    assert not [event for event in heard if isinstance(event, Note)]
    for id_, stored in before.items():
        folder = store.run(id_)
        result = folder.result()
        assert result["outcome"] == stored["outcome"]
        assert abs(result["score"] - stored["score"]) <= tolerance(result)
        assert result["execution"]["replaced_score"] == stored["score"]
        assert result["execution"]["attempts"] == 2
        assert {"gradients", "drift"} <= {record["kind"] for record in folder.records()}
        assert result["recordings"] == {"gradients": 2, "drift": 1, "evaluations": None, "weights": True}
        assert (folder.weights / "model.safetensors").is_file()
        assert not (folder.path / "again").exists()
    assert not study.left(planned, finished_fleet).specs


@pytest.mark.slow
def test_a_run_of_a_fleet_that_does_not_agree_is_kept_and_both_numbers_are_said(
    finished_fleet, tiny_model, small_task, monkeypatch
):
    store = Store.open(finished_fleet)
    before = {id_: content(store.run(id_)) for id_ in store.run_ids()}
    monkeypatch.setattr("seedproof.execution.again.tolerance", lambda result: -1.0)
    heard = []
    study = fleet_study(tiny_model, small_task, MORE)
    study.run(finished_fleet, launcher="inline", progress=False, listeners=[heard.append])
    notes = [event.message for event in heard if isinstance(event, Note)]
    assert len(notes) == 2
    for note in notes:
        assert re.search(r"score \S+ before, \S+ now, .*; the stored run was kept as it was", note)
    assert {id_: content(store.run(id_)) for id_ in store.run_ids()} == before
    assert not [event for event in heard if isinstance(event, Crashed)]


def content(folder):
    return [file.read_bytes() for file in (folder.journal.path, folder.path / "result.json")]


def test_the_tolerance_is_a_standard_error_of_the_score():
    """Of a proportion of .8 in 500 examples it is .018; without an interval only the same score agrees."""
    half = 1.96 * math.sqrt(0.8 * 0.2 / 500)
    assert tolerance({"score_low": 0.8 - half, "score_high": 0.8 + half}) == pytest.approx(0.01789, abs=1e-5)
    assert tolerance({"score_low": math.nan, "score_high": math.nan}) == 0.0
