"""The commands that a store's folder tells: of the files that are still needed, recording what the store does by now."""

from __future__ import annotations

import shlex

import pytest

from seedproof.execution.recording import Recording
from seedproof.report.commands import adding, commands_of, what_adding_does
from seedproof.spec import Numerics
from seedproof.store import Store
from seedproof.store.cells import Cell

FILE = 'tasks = ["t"]\nmodels = ["m"]\nrecipes = ["devlin"]\nseeds = [{seed}]\n'


@pytest.fixture
def store(tmp_path) -> Store:
    made = Store.create(tmp_path / "my store", "made", Numerics())
    made.add_definition(FILE.format(seed=0))
    made.add_definition(FILE.format(seed=1) + "[recording]\ngradients = 0\n")
    return made


def options(line: str, store: Store) -> list[str]:
    words = shlex.split(line)
    return words[words.index(str(store.path)) + 1 :]


def test_a_file_whose_runs_are_done_is_not_needed_to_go_on(store):
    cell = Cell(task="t", model="m", recipe="devlin", seed="1", id="x")
    [line] = commands_of(store, cells=[cell])
    assert "study-2.toml" in line
    assert len(commands_of(store)) == 2
    assert len(commands_of(store, cells=[Cell(task="t", model="m", recipe="renamed", seed="9", id="x")])) == 2


def test_going_on_records_what_the_study_does_by_now(store):
    """A file that switched a recording off must not do so again, after it was switched on for the study."""
    Recording(probes={"gradients": 5, "pooler": 1, "drift": 1}, weights=True).write(store.path)
    first, second = commands_of(store)
    assert options(first, store) == []
    assert options(second, store) == ["--record", "gradients=5", "--weights"]


def test_another_folder_records_the_same(store):
    Recording(probes={"drift": 1}, evaluations=3).write(store.path)
    for line in commands_of(store, numerics=True):
        words = options(line, store)
        assert words[words.index("--evaluations") + 1] == "3"
        switches = [words[place + 1] for place, word in enumerate(words) if word == "--record"]
        base = Recording() if "study.toml" in line else Recording().switched(["gradients=off"])
        assert base.switched(switches).probes == {"drift": 1}


def test_every_file_is_given_again_to_add_a_recording(store):
    first, second = adding(store, "--record", "gradients").split(" && ")
    assert options(first, store) == ["--record", "gradients"]
    assert options(second, store) == ["--record", "gradients=10", "--record", "gradients"]  # its file has it off
    assert "every bit" in what_adding_does(store)


def test_a_study_without_its_files_says_what_to_give(tmp_path):
    store = Store.create(tmp_path / "store", "made", Numerics(engine="fleet"))
    assert adding(store, "--weights") == "the command that made the study, with --weights"
    assert "agrees in outcome and score" in what_adding_does(store)
