"""A journal survives being cut anywhere, and is cheap."""

from __future__ import annotations

import errno
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.store.journal import Journal
from seedproof.store.seals import unseal


def written(path: Path, count: int) -> Journal:
    journal = Journal(path)
    for step in range(count):
        journal.append({"step": step, "loss": 1.0 / (step + 1), "logits": np.full(2, step, np.float32)})
    journal.flush()
    return journal


def steps(journal: Journal) -> list[int]:
    return [record["step"] for record in journal.read()]


def test_records_come_back_in_order(tmp_path: Path) -> None:
    written(tmp_path / "j", 3)
    records = list(Journal(tmp_path / "j").read())
    assert [record["step"] for record in records] == [0, 1, 2]
    np.testing.assert_array_equal(records[2]["logits"], np.full(2, 2, np.float32))


def test_a_missing_journal_has_no_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert list(journal.read()) == []
    journal.flush()
    journal.cut_back(3)
    assert not (tmp_path / "j").exists()


@settings(max_examples=60)
@given(cut=st.integers(0, 400), more=st.integers(0, 2))
def test_a_journal_cut_anywhere_keeps_its_whole_records_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: int
) -> None:
    """The state after a kill in the middle of a write: what was whole stays, and appending does not bury the tear."""
    path = tmp_path_factory.mktemp("journal") / "j"
    written(path, 4)
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    whole = data.count(b"\n")
    assert steps(Journal(path)) == list(range(whole))
    journal = Journal(path)
    for step in range(more):
        journal.append({"step": 100 + step})
    journal.flush()
    assert steps(Journal(path)) == [*range(whole), *range(100, 100 + more)]


def test_zeros_at_the_end_are_a_torn_tail(tmp_path: Path) -> None:
    """Some file systems lengthen a file before its data arrives; a loss of power then leaves zeros."""
    path = tmp_path / "j"
    journal = written(path, 2)
    with path.open("ab") as file:
        file.write(b"\0" * 50 + b"\n")
    assert steps(Journal(path)) == [0, 1]
    journal = Journal(path)
    journal.append({"step": 2})
    journal.flush()
    assert steps(Journal(path)) == [0, 1, 2]


@pytest.mark.parametrize("damage", [b'{"step": 1, "lo{"step": 2}\n', b"\0\0\0\n", b"[1]\n", b"\n"])
def test_a_torn_middle_is_reported_with_file_and_line(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "j"
    written(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + damage + lines[2])
    journal = Journal(path)
    for use in (lambda: list(journal.read()), lambda: journal.cut_back(2)):
        with pytest.raises(UserError, match=r"j, line 2: .*damaged"):
            use()
    assert path.read_bytes() == lines[0] + damage + lines[2], "a damaged journal is left as evidence"


def test_a_damaged_array_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text(json.dumps({"step": 1, "x": {"dtype": "int8", "shape": [3], "base64": "AA=="}}) + "\n")
    with pytest.raises(UserError, match="line 1"):
        list(Journal(path).read())


def test_cutting_back_keeps_the_lines_up_to_a_step_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = written(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    journal.cut_back(2)
    assert path.read_bytes() == b"".join(lines[:3])
    journal.append({"step": 3})
    assert steps(journal) == [0, 1, 2, 3]
    journal.cut_back(-1)
    assert steps(journal) == []


def test_cutting_back_needs_steps(tmp_path: Path) -> None:
    """A record without a step would be doubled by a resumed run; that is refused rather than guessed."""
    journal = Journal(tmp_path / "j")
    journal.append({"loss": 1.0})
    with pytest.raises(KeyError, match="step"):
        journal.cut_back(1)


def test_a_line_that_is_being_written_while_it_is_read_is_not_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader meets the end of the file inside a line, and the rest arrives before it looks again."""

    class Growing(io.BytesIO):
        def __iter__(self) -> Iterator[bytes]:
            return iter([b'{"step":0}\n', b'{"st', b'ep":1}\n'])

    monkeypatch.setattr(Path, "open", lambda path, mode: Growing())
    assert steps(Journal(tmp_path / "j")) == [0]


@pytest.mark.parametrize("place", ["write", "fsync"])
def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    path = tmp_path / "j"
    journal = written(path, 2)
    before = path.read_bytes()
    write = os.write

    def full(descriptor: int, data: Any = b"") -> int:
        if place == "write" and len(data) > 1:
            return write(descriptor, bytes(data)[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, place, full)
        journal.append({"step": 2, "loss": 0.5})
        with pytest.raises(OSError, match="No space left"):
            journal.flush()
    assert path.read_bytes() == before
    journal.append({"step": 3})
    journal.flush()
    assert steps(Journal(path)) == [0, 1, 3]


def test_records_wait_in_memory_until_the_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path, seconds=60.0)
    journal.append({"step": 0})
    assert not path.exists()
    journal.flush()
    assert path.read_bytes() == b'{"step":0}\n'
    eager = Journal(path, seconds=0.0)
    eager.append({"step": 1})
    assert path.read_bytes().count(b"\n") == 2


def test_thousands_of_small_records_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 records in a fraction of the time of one short run, and without a flush to the disk for each."""
    calls = 0

    def count(descriptor: int) -> None:
        nonlocal calls
        calls += 1

    monkeypatch.setattr(os, "fsync", count)
    journal = Journal(tmp_path / "j")
    started = time.process_time()
    for step in range(10_000):
        journal.append({"step": step, "loss": 0.6931471805599453})
    journal.flush()
    assert time.process_time() - started < 2.0
    assert calls <= 2
    assert len(steps(journal)) == 10_000


def test_a_taking_over_that_was_killed_is_finished_by_the_next(tmp_path):
    """Between the journal and its seal: what was vouched for stays so."""
    mine, new = Journal(tmp_path / "mine.jsonl"), Journal(tmp_path / "new.jsonl")
    mine.append({"step": 1})
    new.append({"step": 2})
    mine.seal()
    new.seal()
    unseal(mine.path)
    new.path.replace(mine.path)  # killed here
    Journal(mine.path).take_over(Journal(new.path))
    again = Journal(mine.path)
    assert again.is_sealed
    assert list(again.read()) == [{"step": 2}]
    assert len(list(tmp_path.iterdir())) == 2
