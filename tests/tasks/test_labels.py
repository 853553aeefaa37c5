"""What a column of labels means: classes or amounts, whatever the format, with a reason; and what hardly is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tasks.made import FORMATS, load, save, table, with_labels

from seedproof.errors import UserError
from seedproof.tasks import Task, load_table
from seedproof.tasks.parsing import BEFORE


@pytest.mark.parametrize("extension", FORMATS)
def test_decimals_make_a_regression(tmp_path: Path, extension: str) -> None:
    task = with_labels(tmp_path / f"t.{extension}", [0.5, 1.0, 2.0, 1e-3])
    assert (task.kind, task.metrics) == ("regression", ("pearson", "spearman"))
    assert task.train.labels.tolist() == [0.5, 1.0, 2.0, 1e-3]


@pytest.mark.parametrize("extension", FORMATS)
def test_whole_numbers_of_few_values_are_classes_however_they_are_written(tmp_path: Path, extension: str) -> None:
    """0.0 and 1.0 are what pandas makes of 0 and 1 in a column that once had a hole; a development set may differ."""
    task = with_labels(tmp_path / f"t.{extension}", [0.0, 1.0, 1.0, 0.0])
    assert (task.classes, task.train.labels.tolist()) == (("0", "1"), [0, 1, 1, 0])
    assert (
        task.reason == "the labels are whole numbers of 2 values (0.0 is called 0); for amounts give --kind regression"
    )
    other = load(save(tmp_path / "a.csv", RECORDS_01), dev=save(tmp_path / "b.csv", RECORDS_01[::-1]))
    assert other.classes == ("0", "1")


RECORDS_01 = [{"review": f"text {index}", "stars": label} for index, label in enumerate(["0.0", "1", "0", "1e0"])]


def test_whole_numbers_of_many_values_are_amounts(tmp_path: Path) -> None:
    """101 of them in 600 rows; in 2,100 rows they would be classes of 20 rows and more."""
    labels = [index % 101 for index in range(2100)]
    task = with_labels(tmp_path / "t.csv", labels[:600])
    assert (task.kind, task.train.labels[3]) == ("regression", 3.0)
    assert (
        task.reason == "the labels are whole numbers of 101 values in 600 rows; for classes give --kind classification"
    )
    assert len(with_labels(tmp_path / "t.csv", labels).classes) == 101


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["a", "b"], "classification, because labels such as a are not numbers"),
        ([True, False], "classification, because labels such as True are not numbers"),
        ([0.5, 1.0], "regression, because labels such as 0.5 are fractions; for classes give --kind classification"),
    ],
)
def test_the_kind_has_a_reason(tmp_path: Path, labels: list[Any], reason: str) -> None:
    assert with_labels(tmp_path / "t.jsonl", labels).data_report.decisions[0] == reason
    asked = with_labels(tmp_path / "t.jsonl", labels, kind="classification").data_report
    named = " (1.0 is called 1)" if 0.5 in labels else ""
    assert asked.decisions[0] == f"classification, because that was asked for{named}"


def test_kind_overrides_the_rule(tmp_path: Path) -> None:
    """Whole numbers can be targets, and numbers stored as floats can be classes."""
    assert with_labels(tmp_path / "t.csv", [1, 2, 3], kind="regression").train.labels.tolist() == [1.0, 2.0, 3.0]
    task = with_labels(tmp_path / "t.parquet", [1.0, 0.0, 1.0], kind="classification")
    assert (task.kind, task.classes) == ("classification", ("0", "1"))
    with pytest.raises(UserError, match="unknown kind 'regresion'; did you mean 'regression'"):
        with_labels(tmp_path / "t.csv", [1, 2, 3], kind="regresion")


def test_what_is_hardly_a_column_of_labels(tmp_path: Path) -> None:
    """A word among numbers, a class for nearly every row; but few numbers and words are classes."""

    def load(labels: list[object], **options: Any) -> Task:
        rows = [f"text {index},{label},d" for index, label in enumerate(labels)]
        return load_table(table(tmp_path, rows), text="review", label="stars", **options)

    numbers = [index / 7 for index in range(50)]
    with pytest.raises(
        UserError, match=r"t.csv, row 52: label 'n/a' in column 'stars' is a word, and 50 of the 51 labels"
    ):
        load([*numbers, "n/a"])
    with pytest.raises(
        UserError, match=r"column 'stars': 50 classes in 50 rows, such as .* \(row 22\).*--kind regression"
    ):
        load(numbers, kind="classification")
    with pytest.raises(UserError, match=r"60 classes in 60 rows.*; name the column of the label with --label"):
        load([f"u{index}" for index in range(60)])
    with pytest.raises(UserError, match=r"1,001 classes in 3,003 rows.*at most 1,000 are possible"):
        load([f"u{index % 1001}" for index in range(3003)])
    assert load([1, 2, "3+"] * 10).classes == ("1", "2", "3+")
    assert load([*numbers, "n/a"] * 3, parsing=BEFORE).kind == "classification"


def test_words_among_the_numbers_of_a_file_with_types(tmp_path: Path) -> None:
    rows = [{"review": f"text {index}", "stars": "bad" if index == 7 else index % 3} for index in range(30)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(
        UserError, match=r"row 8: label 'bad' in column 'stars' is a word, and 29 of the 30 labels are num"
    ):
        load_table(tmp_path / "t.jsonl", text="review", label="stars")


def test_whole_numbers_that_are_all_different_look_like_ids(tmp_path: Path) -> None:
    """Numbers of rows became a regression, and a model was shipped, with no more than a line that names the kind."""

    def warned(labels: list[Any], **options: Any) -> str:
        notes = load(
            save(tmp_path / "t.csv", [{"review": f"text {n}", "stars": x} for n, x in enumerate(labels)]), **options
        ).notes
        return next((note for note in notes if "look like ids" in note), "")

    numbers = list(range(1, 101))
    assert warned(numbers).startswith(
        "warning: the labels in column 'stars' look like ids or numbers of rows: whole numbers, 100 different ones in 100 rows. "
    )
    assert warned([*numbers[:97], 1, 2, 3])
    assert not warned([*numbers[:90], *numbers[:10]])
    assert not warned(numbers, kind="regression")
    assert not warned([number + 0.5 for number in numbers])
