"""What a version promised is there until the next one, under its name or with a warning (docs/stability.md)."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version

import pytest
from tests.conftest import REPOSITORY
from tests.promised import RENAMED, promised, promises_of

import seedproof
from seedproof.deprecation import DeprecatedName

VERSION, *PROMISED = (REPOSITORY / "tests" / "assets" / "promised.txt").read_text(encoding="utf-8").splitlines()
WHAT_TO_DO = (
    "was promised and is gone. Let the old name work for one version with a warning (seedproof.deprecation, "
    "docs/stability.md), and add its table to tests/promised.py"
)


def test_what_was_promised_is_there():
    gone = sorted(set(PROMISED) - promised())
    assert not gone, f"{WHAT_TO_DO}:\n" + "\n".join(gone)


def test_the_promise_is_that_of_this_version():
    assert f"version {version('seedproof')}" == VERSION, "python -m tests.promised > tests/assets/promised.txt"
    assert len(PROMISED) > 800


def test_old_names_warn_and_go_after_one_version():
    this = tuple(map(int, version("seedproof").split(".")[:2]))
    for table in RENAMED.values():
        for old, (new, since) in table.items():
            assert tuple(map(int, since.split("."))) >= this, f"{old} has warned since {since}: remove it ({new})"
    for old, (new, _) in seedproof._RENAMED.items():
        with pytest.warns(DeprecatedName, match=new):
            assert getattr(seedproof, old) is getattr(seedproof, new)


@dataclasses.dataclass
class Before:
    size: int

    def look(self, at: str, *, twice: bool = False) -> None: ...


@dataclasses.dataclass
class After:
    width: int

    def look(self, why: str, at: str, *, twice: bool = False, thrice: bool = False) -> None: ...


def test_a_renamed_attribute_a_moved_argument_and_a_new_need_break_a_promise(monkeypatch):
    monkeypatch.setattr("tests.promised.ours", lambda value: [value])
    before, after = (set(promises_of("Thing", each)) for each in (Before, After))
    assert before - after == {
        "name Thing.size",
        "argument Thing(size), place 0",
        "call Thing needs size",
        "argument Thing.look(at), place 1",
        "call Thing.look needs at",
    }
