"""A task written to a folder comes back exactly, and damage is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.tasks import Split, Task, load_task

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def make(texts: tuple[str, ...] = ("a", 'say "b"\t\n', "\u2028é\0")) -> Task:
    labels = np.arange(len(texts)) % 2
    split = Split(texts, tuple(reversed(texts)), labels)
    return Task(
        name="made",
        train=split,
        dev=split,
        classes=("no", "yes"),
        metrics=("accuracy",),
        extra={"mismatched": split},
        notes=("by hand",),
    )


def same(first: Task, second: Task) -> bool:
    """Equal in everything, the name and notes included."""
    fields = [(task.name, task.classes, task.metrics, task.notes, list(task.extra)) for task in (first, second)]
    return fields[0] == fields[1] and first.fingerprint == second.fingerprint


def test_round_trip(tmp_path: Path) -> None:
    make().write(tmp_path / "deep" / "task")
    task = Task.read(tmp_path / "deep" / "task")
    assert same(task, make())
    assert same(load_task(tmp_path / "deep" / "task"), task)
    assert not list(tmp_path.rglob("*.tmp"))


@settings(max_examples=10, deadline=None)
@given(st.lists(text, min_size=2, max_size=5))
def test_round_trip_of_any_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Control characters, empty strings and every plane of Unicode."""
    folder = tmp_path_factory.mktemp("task")
    task = make(tuple(texts))
    task.write(folder)
    assert Task.read(folder).train.texts == tuple(texts)
    assert same(Task.read(folder), task)


def test_round_trip_of_regression(tmp_path: Path) -> None:
    """Targets keep every bit."""
    split = Split(("a", "b"), None, np.array([0.1 + 0.2, 1e-308]))
    Task(name="real", train=split, dev=split, classes=(), metrics=("pearson",)).write(tmp_path)
    assert Task.read(tmp_path).train.labels.tolist() == [0.1 + 0.2, 1e-308]


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    """Parquet readers turn folders called key=value into columns; here they are only folders."""
    split = Split(("a", "b"), None, np.array([0, 1]))
    task = Task(name="single", train=split, dev=split, classes=("no", "yes"), metrics=("accuracy",))
    task.write(tmp_path / "pair=7")
    assert Task.read(tmp_path / "pair=7").train.pairs is None


def test_task_json_is_written_last(tmp_path: Path) -> None:
    """A crash in between leaves a folder that is not a task, and writing again completes it."""
    with (
        mock.patch("seedproof.tasks.folder.json.dumps", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        make().write(tmp_path)
    with pytest.raises(UserError, match=r"task\.json is missing"):
        Task.read(tmp_path)
    make().write(tmp_path)
    assert same(Task.read(tmp_path), make())


def test_writing_twice_and_another_task(tmp_path: Path) -> None:
    """The same task is left as it is; another one never overwrites it."""
    make().write(tmp_path)
    before = (tmp_path / "train.parquet").stat().st_mtime_ns
    make().write(tmp_path)
    assert (tmp_path / "train.parquet").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="another task"):
        make(("x", "y")).write(tmp_path)


def test_changed_data_is_noticed(tmp_path: Path) -> None:
    """The files of another task under the old description."""
    make().write(tmp_path / "one")
    make(("x", "y")).write(tmp_path / "two")
    (tmp_path / "two" / "dev.parquet").replace(tmp_path / "one" / "dev.parquet")
    with pytest.raises(UserError, match="fingerprint differs"):
        Task.read(tmp_path / "one")


@pytest.mark.parametrize("damage", [b"", b"PAR1 not parquet", None])
def test_damaged_parquet(tmp_path: Path, damage: bytes | None) -> None:
    make().write(tmp_path)
    if damage is None:
        (tmp_path / "dev.parquet").unlink()
    else:
        (tmp_path / "dev.parquet").write_bytes(damage)
    with pytest.raises(UserError, match=r"cannot read .*dev\.parquet"):
        Task.read(tmp_path)


def test_damaged_and_newer_descriptions(tmp_path: Path) -> None:
    make().write(tmp_path)
    path = tmp_path / "task.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "format": 99}))
    with pytest.raises(UserError, match="newer version"):
        Task.read(tmp_path)
    path.write_text("{")
    with pytest.raises(UserError, match="damaged"):
        Task.read(tmp_path)
