"""Trackers are found by name, and what is missing for one is said with the line that installs it."""

from __future__ import annotations

import pytest

from seedproof.errors import UserError
from seedproof.launch.base import Known
from seedproof.track import named
from seedproof.track.named import TRACKERS, check_tracker, tracker_of


class Point:
    """Stands for an entry point of an installed package."""

    name, value = "theirs", "tests.track.handmade:Remembering"


def test_an_installed_package_may_name_a_tracker(monkeypatch):
    monkeypatch.setattr(named, "entry_points", lambda group: [Point] if group == "seedproof.trackers" else [])
    assert tracker_of("theirs:there").place == "there"
    assert "theirs" in named.tracker_names()


def test_one_of_the_users_own_is_written_with_its_class_and_place():
    assert tracker_of("tests.track.handmade:Remembering:http://there:80").place == "http://there:80"


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_fails_at_use_with_the_line_that_installs_it(name, monkeypatch):
    monkeypatch.setattr("seedproof.launch.base.find_spec", lambda package: None)
    with pytest.raises(UserError, match=rf"needs the package {name}.*pip install 'seedproof\[{name}\]'"):
        check_tracker(f"{name}:there")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tensorbord:logs", r"unknown tracker 'tensorbord'; did you mean 'tensorboard'\?"),
        ("theirs:", "unknown tracker 'theirs'"),
        ("tests.track.handmade:Remembering", "unknown tracker 'tests.track.handmade'"),
        ("tests.track.handmade:Remembering:", "has no place; write tests.track.handmade:Remembering:DIR"),
    ],
)
def test_what_names_no_tracker_is_one_message(written, said):
    with pytest.raises(UserError, match=said):
        check_tracker(written)


def test_a_place_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setitem(named.TRACKERS, "bad", Known(target="tests.track.test_named:Bad", description=""))
    with pytest.raises(UserError, match="the tracker 'bad' cannot write to 'x': there is a file; choose another place"):
        tracker_of("bad:x")


class Bad(named.Tracker):
    name = "bad"

    def __init__(self, place):
        raise FileExistsError("there is a file")

    def is_written(self, run, content): ...

    def begin(self, run): ...
