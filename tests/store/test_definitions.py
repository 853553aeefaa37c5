"""Study files are kept, and which runs one made can be told from its text."""

from __future__ import annotations

import pytest

from seedproof.store import Store
from seedproof.store.cells import Cell
from seedproof.store.definitions import names_cell, recording_table

TEXT = """
tasks = ["miniature/answer", { stored = "abc", name = "mine" }]
models = ["miniature/bert"]
recipes = ["devlin", { name = "mosbach", epochs = 5 }]
seeds = [0, 3, { head = 1, order = 7, dropout = 7 }]
[recording]
gradients = 1
"""


def cell(**names):
    return Cell(
        **{"task": "mine", "model": "miniature/bert", "recipe": "mosbach(epochs=5)", "seed": "3", "id": "x"} | names
    )


@pytest.mark.parametrize(
    "names", [{}, {"seed": "1/7/7"}, {"task": "miniature/answer", "recipe": "devlin", "seed": "0"}]
)
def test_a_file_names_the_runs_it_made(names):
    assert names_cell(TEXT, cell(**names))


@pytest.mark.parametrize(
    "names", [{"seed": "1"}, {"task": "other"}, {"model": "miniature/albert"}, {"recipe": "mixout"}]
)
def test_a_file_names_no_other(names):
    assert not names_cell(TEXT, cell(**names))


def test_a_task_may_be_named_by_its_fingerprint_and_seeds_by_their_number():
    assert names_cell(TEXT.replace('"mine"', '"renamed"'), cell(), task="abc")
    assert names_cell('tasks = ["mine"]\nmodels = ["miniature/bert"]\nrecipes = ["mosbach"]\nseeds = 4', cell())


def test_what_is_no_study_file_names_nothing():
    assert not names_cell("tasks = [", cell())
    assert recording_table("tasks = [") is None
    assert recording_table(TEXT) == {"gradients": 1}
    assert recording_table("seeds = 3") is None


def test_definitions_are_kept_in_order_and_once(store: Store) -> None:
    texts = [f'name = "{number}"\n' for number in range(11)]
    paths = [store.add_definition(text) for text in texts]
    assert [path.name for path in paths[:3]] == ["study.toml", "study-2.toml", "study-3.toml"]
    assert store.add_definition(texts[4]) == paths[4]
    assert store.definitions() == paths
    assert paths[10].read_text() == texts[10]


def test_no_definition_is_written_over_where_one_was_lost(store: Store) -> None:
    paths = [store.add_definition(f"name = {number}\n") for number in range(3)]
    paths[0].unlink()
    assert store.add_definition("name = 3\n").name == "study-4.toml"
    assert [path.read_text() for path in store.definitions()] == [f"name = {number}\n" for number in (1, 2, 3)]
