"""Runs as people point at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedproof.errors import UserError
from seedproof.store import Cell
from seedproof.store.references import find_run, shortest_names


def cell(number: int, recipe: str, seed: str, task: str = "glue/rte", model: str = "bert") -> Cell:
    return Cell(task=task, model=model, recipe=recipe, seed=seed, id=f"{number:02x}ab" * 4)


CELLS = [
    cell(1, "devlin", "3"),
    cell(2, "devlin", "3", task="glue/cola"),
    cell(3, "devlin(bias_correction=True)", "3"),
    cell(4, "mosbach(epochs=10, warmup_ratio=0.2)", "1/7/7"),
    cell(5, "mosbach(epochs=10, warmup_ratio=0.2)", "2"),
    cell(6, "mosbach(epochs=10, warmup_ratio=0.2)", "2", model="roberta"),
]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("01ab01ab01ab01ab", 1),
        ("02ab", 2),
        ("glue/rte/devlin/3", 1),
        ("glue/cola/bert/devlin/3", 2),
        ("devlin(bias_correction=True)/3", 3),
        ("mosbach/1/7/7", 4),  # the one recipe with that name
        ("roberta/mosbach/2", 6),
    ],
)
def test_a_run_is_found(written, number):
    assert find_run(CELLS, written, Path("out")) == CELLS[number - 1].id


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("devlin/3", r"'devlin/3' points at 2 runs .* write one of glue/rte/devlin/3, glue/cola/devlin/3$"),
        ("mosbach/2", "points at 2 runs"),
        ("devlin/4", r"has no run 'devlin/4'; did you mean .*listed by: seedproof study runs 'my out'\)"),
        ("ffff", "has no run 'ffff'"),
        ("01a", "has no run '01a'"),  # too short to be an id's beginning
        ("", "has no run ''"),
        ("../../x", "has no run"),
    ],
)
def test_what_points_at_none_or_several_is_refused(written, message):
    with pytest.raises(UserError, match=message):
        find_run(CELLS, written, Path("my out"))


def test_the_shortest_name_points_at_its_run():
    names = shortest_names(CELLS)
    assert names[0] == "glue/rte/devlin/3"
    assert names[3] == "mosbach(epochs=10, warmup_ratio=0.2)/1/7/7"
    assert [find_run(CELLS, name, Path()) for name in names] == [each.id for each in CELLS]
