"""Classes have one order from every format, and a label that is none of them is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.tasks.made import FORMATS, RECORDS, bad_cell, load, save, with_labels

from seedproof.errors import UserError


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([10, 9, 2, 10], ("2", "9", "10")),
        (["10", "9", "-1", "10"], ("-1", "9", "10")),
        (["b", "a", "10", "9"], ("10", "9", "a", "b")),
        ([True, False, True, False], ("False", "True")),
    ],
)
def test_class_order(tmp_path: Path, extension: str, labels: list[Any], classes: tuple[str, ...]) -> None:
    """By value where all are numbers, else by name; the same from every format."""
    task = with_labels(tmp_path / f"t.{extension}", labels)
    assert task.classes == classes
    assert [task.classes[index] for index in task.train.labels] == [str(label) for label in labels]


def test_an_unknown_label_in_dev(tmp_path: Path) -> None:
    train = save(tmp_path / "t.csv", RECORDS)
    dev = save(tmp_path / "dev.tsv", bad_cell("stars", "god"))
    message = r"dev\.tsv, row 9: unknown label 'god' in column 'stars'; did you mean 'good'\? \(classes: bad, good\)"
    with pytest.raises(UserError, match=message):
        load(train, dev=dev)
