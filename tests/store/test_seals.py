"""What was changed after it was written is named; what has no checksum is not checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedproof.checksums import sealed, unsealed
from seedproof.errors import Damaged, UserError
from seedproof.store.journal import Journal
from seedproof.store.seals import read_sealed, write_sealed


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "j.jsonl")
    for step in range(3):
        journal.append({"step": step, "loss": 0.5})
    journal.seal()
    return journal


def test_a_journal_grows_behind_its_seal(journal: Journal) -> None:
    journal.append({"step": 3})
    journal.flush()
    assert [record["step"] for record in Journal(journal.path).read()] == [0, 1, 2, 3]
    journal.seal()
    journal.cut_back(1)
    assert [record["step"] for record in Journal(journal.path).read()] == [0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.replace(b"0.5", b"0.4", 1), "its content is not what was written"),
        (lambda data: b"".join(data.splitlines(keepends=True)[:2]), "it ends 22 bytes before the end"),
        (lambda data: data.splitlines(keepends=True)[0] * 3, "its content is not what was written"),
        (lambda data: data[:-3], "it ends"),
    ],
    ids=["a digit", "a lost line", "a doubled line", "a torn line"],
)
def test_a_changed_journal_is_named(journal: Journal, change, message: str) -> None:
    journal.path.write_bytes(change(journal.path.read_bytes()))
    for use in (lambda: list(Journal(journal.path).read()), lambda: Journal(journal.path).cut_back(1)):
        with pytest.raises(Damaged, match=rf"j\.jsonl is damaged \({message}.*remove the file j\.jsonl\.sha256"):
            use()
    journal.path.unlink()
    with pytest.raises(Damaged, match="it ends 66 bytes before"):
        list(Journal(journal.path).read())


def test_a_journal_without_a_seal_is_read_as_before(journal: Journal) -> None:
    journal.path.write_bytes(journal.path.read_bytes().replace(b"0.5", b"0.4"))
    journal.path.with_name("j.jsonl.sha256").unlink()
    assert [record["loss"] for record in Journal(journal.path).read()] == [0.4] * 3


@pytest.mark.parametrize("seal", [b"", b"[]", b'{"bytes": -1, "sha256": 5}', b'{"bytes": 9}'])
def test_a_damaged_seal_is_named(journal: Journal, seal: bytes) -> None:
    journal.path.with_name("j.jsonl.sha256").write_bytes(seal)
    with pytest.raises(UserError, match=r"j\.jsonl\.sha256 is damaged"):
        list(journal.read())


def test_a_sealed_file_may_not_grow(tmp_path: Path) -> None:
    write_sealed(tmp_path / "x.csv", b"a,b\n")
    assert read_sealed(tmp_path / "x.csv") == b"a,b\n"
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(UserError, match="longer than what was written"):
        read_sealed(tmp_path / "x.csv")


def test_a_value_tells_whether_it_was_changed() -> None:
    value = sealed({"score": 0.5, "metrics": {"accuracy": 0.5}})
    assert unsealed(value) == {"score": 0.5, "metrics": {"accuracy": 0.5}}
    assert unsealed({"score": 0.5}) == {"score": 0.5}, "older versions wrote no checksum"
    with pytest.raises(ValueError, match="does not fit its checksum"):
        unsealed({**value, "score": 0.6})
