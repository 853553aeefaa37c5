"""The state of a run is what its files say, at every moment of its life."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.spec import RunSpec
from seedproof.store import Held, RunFolder, State

MakeSpec = Callable[[int], RunSpec]


@pytest.fixture
def folder(tmp_path: Path, make_spec: MakeSpec) -> RunFolder:
    spec = make_spec(0)
    folder = RunFolder(tmp_path / spec.id)
    folder.write_spec(spec)
    return folder


def test_a_spec_is_written_once_and_read_back(folder: RunFolder, make_spec: MakeSpec) -> None:
    assert folder.spec == make_spec(0)
    written = (folder.path / "spec.json").stat().st_mtime_ns
    folder.write_spec(make_spec(0))
    assert (folder.path / "spec.json").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match="does not belong"):
        folder.write_spec(make_spec(1))


def test_a_folder_without_a_spec_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not the folder of a run.*spec\.json"):
        _ = RunFolder(tmp_path / "x").spec


def test_the_states_of_a_run(folder: RunFolder) -> None:
    """Each state is reached by its own way, and the lock counts before the notes of the past."""

    def state() -> State:
        return folder.state

    assert RunFolder(folder.path / "missing").state is State.PENDING
    assert state() is State.PENDING
    with folder.hold():
        folder.add_attempt_event("start")
        assert state() is State.RUNNING
    assert state() is State.LOST
    folder.add_attempt_event("interrupted")
    assert state() is State.INTERRUPTED
    folder.add_attempt_event("start")
    folder.add_attempt_event("crashed", message="boom")
    assert state() is State.CRASHED
    with folder.hold():
        assert state() is State.RUNNING
        folder.finish({"outcome": "failed"})
        assert state() is State.FINISHED
    assert state() is State.FINISHED


def test_attempts_are_numbered_and_say_where(folder: RunFolder) -> None:
    for event in ("start", "interrupted", "start", "crashed"):
        folder.add_attempt_event(event)
    attempts = folder.attempts()
    assert [(event["event"], event["attempt"]) for event in attempts] == [
        ("start", 1),
        ("interrupted", 1),
        ("start", 2),
        ("crashed", 2),
    ]
    assert all(event["pid"] == os.getpid() for event in attempts)
    with pytest.raises(ValueError, match="no such event"):
        folder.add_attempt_event("begun")


def test_a_torn_note_falls_back_to_the_one_before(folder: RunFolder) -> None:
    folder.add_attempt_event("start")
    with (folder.path / "attempts.jsonl").open("ab") as file:
        file.write(b'{"event":"crash')
    assert folder.state is State.LOST


def test_a_run_is_held_by_one_at_a_time(folder: RunFolder) -> None:
    with folder.hold():
        folder.add_attempt_event("start")
        message = rf"{folder.id} is being executed by process {os.getpid()}"
        with pytest.raises(Held, match=message), RunFolder(folder.path).hold():
            pass
    with RunFolder(folder.path).hold():
        pass


def test_taking_a_run_over_clears_what_was_being_written(folder: RunFolder) -> None:
    waste = folder.path / ".checkpoint.safetensors.1-2.tmp"
    waste.touch()
    with folder.hold():
        assert not waste.exists()


TENSORS: dict[str, np.ndarray[Any, Any]] = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "nothing": np.zeros((0, 4), np.float32),
    "step": np.array(3, np.int64),
    "generator": np.arange(5, dtype=np.uint8),
    "mask": np.array([True, False]),
    "odd": np.array([math.nan, -0.0, math.inf]),
}


def test_a_checkpoint_comes_back_bit_by_bit(folder: RunFolder) -> None:
    assert folder.load_checkpoint() is None
    extra = {"best": math.nan, "epoch": 2, "names": ["ä", "b"]}
    folder.save_checkpoint(7, TENSORS, extra)
    loaded = folder.load_checkpoint()
    assert loaded is not None
    step, tensors, back = loaded
    assert step == 7
    assert math.isnan(back.pop("best"))
    assert back == {"epoch": 2, "names": ["ä", "b"]}
    assert tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert (tensors[name].dtype, tensors[name].shape) == (array.dtype, array.shape)
        assert tensors[name].tobytes() == array.tobytes()


def test_a_full_disk_keeps_the_previous_checkpoint(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.save_checkpoint(1, TENSORS)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            folder.save_checkpoint(2, TENSORS)
        with pytest.raises(OSError, match="No space"):
            folder.finish({"outcome": "succeeded"})
    assert (folder.load_checkpoint() or (None,))[0] == 1
    assert folder.state is not State.FINISHED


def test_a_checkpoint_never_knows_more_than_the_journal(folder: RunFolder) -> None:
    """Otherwise a resumed run would miss the records between the two."""
    folder.journal.append({"step": 1})
    folder.save_checkpoint(1, TENSORS)
    assert [record["step"] for record in RunFolder(folder.path).journal.read()] == [1]


def test_a_damaged_checkpoint_names_the_file(folder: RunFolder) -> None:
    folder.save_checkpoint(1, TENSORS)
    path = folder.path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match=r"checkpoint\.safetensors is damaged.*remove it"):
        folder.load_checkpoint()


def test_finishing_writes_the_result_last_and_tidies_up(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = Path.replace

    def note(path: Path, target: Path) -> Path:
        order.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", note)
    folder.journal.append({"step": 1})
    folder.save_checkpoint(1, TENSORS)
    folder.write_error("Traceback \udc80")
    folder.journal.append({"step": 2})
    folder.finish({"outcome": "failed", "score": math.nan})
    assert order[-1] == "result.json"
    names = sorted(path.name for path in folder.path.iterdir())
    assert names == ["journal.jsonl", "journal.jsonl.sha256", "result.json", "spec.json"]
    assert len(list(RunFolder(folder.path).journal.read())) == 2
    assert math.isnan(folder.result()["score"])


def test_a_result_that_is_missing_or_damaged_is_named(folder: RunFolder) -> None:
    with pytest.raises(UserError, match="is not finished"):
        folder.result()
    (folder.path / "result.json").write_text('{"outcome": ')
    with pytest.raises(UserError, match=r"result\.json is damaged"):
        folder.result()


def test_nothing_in_a_run_folder_names_its_place(folder: RunFolder, tmp_path: Path) -> None:
    """A moved store works only if no file holds a path."""
    folder.add_attempt_event("start")
    folder.save_checkpoint(1, TENSORS, {"a": 1})
    folder.journal.append({"step": 1})
    folder.journal.flush()
    assert all(str(tmp_path).encode() not in path.read_bytes() for path in folder.path.iterdir())
    target = tmp_path / "elsewhere" / folder.id
    target.parent.mkdir()
    moved = RunFolder(Path(shutil.move(folder.path, target)))
    assert (moved.state, moved.load_checkpoint() is not None) == (State.LOST, True)


def test_everything_but_tensors_is_json(folder: RunFolder) -> None:
    """Nothing stored is a pickle."""
    folder.add_attempt_event("start")
    folder.journal.append({"step": 1, "x": np.zeros(2)})
    folder.finish({"outcome": "succeeded", "x": np.zeros(2)})
    values: list[Any] = []
    for path in folder.path.iterdir():
        if path.suffix == ".json":
            values.append(json.loads(path.read_bytes()))
        elif path.suffix == ".jsonl":
            values += [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(values) == 4
