"""Rows as examples: their groups and ids, in one file and in two."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tasks.made import table

from seedproof.errors import UserError
from seedproof.tasks import Task, load_table
from seedproof.tasks.parsing import BEFORE


def test_groups_and_ids(tmp_path: Path) -> None:
    rows = [f"text {index},{'ab'[index % 2]},d{index // 3},r{index}" for index in range(60)]
    path = table(tmp_path, rows, "review,stars,doc,row")
    task = load_table(path, text="review", label="stars", group="doc", id="row")
    assert not set(task.train.groups or ()) & set(task.dev.groups or ())
    assert {f"text {name[1:]}" for name in task.dev.ids or ()} == set(task.dev.texts)
    assert "12 of the 60 rows, 4 of the 20 groups" in task.notes[-1]
    task.write(tmp_path / "kept")
    assert Task.read(tmp_path / "kept").dev.ids == task.dev.ids
    without = load_table(path, text="review", label="stars")
    assert without.dev.ids is None
    assert task.parse is not None
    assert task.parse(BEFORE).train.groups is not None
    with pytest.raises(UserError, match=r"row 3: the id 'd0' in column 'doc' is row 2's, too"):
        load_table(path, text="review", label="stars", id="doc")


def test_a_group_in_both_files(tmp_path: Path) -> None:
    train = table(tmp_path, [f"text {index},{'ab'[index % 2]},d{index}" for index in range(10)])
    dev = table(tmp_path, ["x,a,e", "y,b,d3", "z,a,d4"], name="dev.csv")
    message = r"dev.csv, row 3: the group 'd3' in column 'doc' is that of .*t.csv, row 5, too \(and 1 more groups\)"
    with pytest.raises(UserError, match=message):
        load_table(train, text="review", label="stars", group="doc", dev=dev)
