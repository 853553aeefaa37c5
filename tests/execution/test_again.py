"""More recordings of finished runs: added when both executions agree, refused when they do not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seedproof.execution import plain
from seedproof.execution.again import widened
from seedproof.execution.recording import Recording, lacks
from seedproof.execution.run_session import RunSession
from seedproof.recipes import recipe
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
    assert after["ending"].pop("vanished") is not before["ending"].pop("vanished")  # told by what was added
    assert after == before
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
