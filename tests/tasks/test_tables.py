"""A user's own tables: four kinds of files, what the labels mean, the held-out rows, and every mistake in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.study.given import as_task
from seedproof.tasks import Task, load_table
from seedproof.tasks.holding_out import hold_out
from seedproof.tasks.parsing import BEFORE
from seedproof.tasks.reading import read_table

RECORDS = [{"id": index, "review": f"text {index}", "stars": ["bad", "good"][index % 2]} for index in range(20)]
FORMATS = ["csv", "tsv", "jsonl", "parquet"]


def save(path: Path, records: list[dict[str, Any]]) -> Path:
    """Write records in the format of the extension."""
    frame = pandas.DataFrame(records)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    else:
        frame.to_csv(path, sep="," if path.suffix == ".csv" else "\t", index=False)
    return path


def load(path: Path, **options: Any) -> Task:
    return load_table(path, **{"text": "review", "label": "stars", **options})


def with_labels(path: Path, labels: list[Any], **options: Any) -> Task:
    """A table with these labels, used for training and under another name for development."""
    records = [{"review": f"text {index}", "stars": label} for index, label in enumerate(labels)]
    save(path, records)
    return load(path, dev=save(path.with_stem("other"), records), **options)


@pytest.mark.parametrize("extension", FORMATS)
def test_every_format_gives_the_same_task(tmp_path: Path, extension: str) -> None:
    """Quotes, delimiters, line ends, a NUL and other scripts survive in each."""
    records = [dict(record) for record in RECORDS]
    records[3]["review"] = 'a "quoted", text\nof two lines\tand a tab \u2028 日本語'
    task = load(save(tmp_path / f"reviews.{extension}", records), dev=save(tmp_path / "dev.jsonl", RECORDS))
    assert (task.name, task.classes, task.kind) == ("reviews", ("bad", "good"), "classification")
    assert task.metrics == ("accuracy", "f1", "matthews")
    assert task.train.texts == tuple(record["review"] for record in records)
    assert task.train.labels.tolist() == [0, 1] * 10


@pytest.mark.parametrize("extension", FORMATS)
def test_pairs(tmp_path: Path, extension: str) -> None:
    records = [{"a": f"first {index}", "b": f"second {index}", "stars": index % 3} for index in range(6)]
    dev = save(tmp_path / "dev.csv", records)
    task = load_table(save(tmp_path / f"t.{extension}", records), text="a", text_pair="b", label="stars", dev=dev)
    assert (task.train.texts[1], task.train.pairs and task.train.pairs[1]) == ("first 1", "second 1")
    assert task.metrics == ("accuracy",)


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


def test_copies_of_a_text_are_on_one_side(tmp_path: Path) -> None:
    """Ten texts, twenty copies of each: no development text is in the training set, and that is said."""
    task = load(save(tmp_path / "t.csv", RECORDS[:10] * 20))
    assert not set(task.train.texts) & set(task.dev.texts)
    assert task.notes[-1].endswith("the rows have 10 different texts, all copies of a text are in one part")


def test_too_few_texts_for_two_parts_are_divided_by_row_and_that_is_said(tmp_path: Path) -> None:
    task = load(save(tmp_path / "t.csv", RECORDS[:2] * 10))
    assert task.notes[-1].endswith("the rows have 2 different texts, too few to have all copies of one in one part")
    assert task.data_report.copies == {"dev": 4}


def test_a_given_development_set_stays_and_its_copies_are_counted(tmp_path: Path) -> None:
    task = load(save(tmp_path / "t.csv", RECORDS), dev=save(tmp_path / "dev.csv", RECORDS[:4]))
    assert task.data_report.copies == {"dev": 4}


def test_a_table_without_quoting(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("stars\treview\n" + "".join(f'{"ab"[index % 2]}\t"say {index}\n' for index in range(10)))
    dev = save(tmp_path / "dev.csv", [{"review": "x", "stars": label} for label in "ab"])
    given = {"text": "review", "label": "stars", "dev": str(dev), "quoting": "none"}
    for task in (load(path, dev=dev, quoting="none"), as_task({"file": str(path), **given})):
        assert task.train.texts[9] == '"say 9'
    with pytest.raises(UserError, match="unknown quoting 'no'; did you mean 'none'"):
        load(path, quoting="no")


def test_kind_overrides_the_rule(tmp_path: Path) -> None:
    """Whole numbers can be targets, and numbers stored as floats can be classes."""
    assert with_labels(tmp_path / "t.csv", [1, 2, 3], kind="regression").train.labels.tolist() == [1.0, 2.0, 3.0]
    task = with_labels(tmp_path / "t.parquet", [1.0, 0.0, 1.0], kind="classification")
    assert (task.kind, task.classes) == ("classification", ("0", "1"))
    with pytest.raises(UserError, match="unknown kind 'regresion'; did you mean 'regression'"):
        with_labels(tmp_path / "t.csv", [1, 2, 3], kind="regresion")


def test_held_out_fifth_is_stratified_and_stated(tmp_path: Path) -> None:
    """Nothing is lost or doubled, and every class gives a fifth."""
    records = [{"review": f"text {index}", "stars": "rare" if index < 10 else "common"} for index in range(50)]
    task = load(save(tmp_path / "t.csv", records))
    assert np.bincount(task.dev.labels).tolist() == [8, 2]
    assert sorted(task.train.texts + task.dev.texts) == sorted(record["review"] for record in records)
    assert task.notes[-1] == "development set: 10 of the 50 rows, held out by label with split_seed=0"
    other = load(tmp_path / "t.csv", split_seed=1)
    assert set(other.dev.texts) != set(task.dev.texts)
    assert load(tmp_path / "t.csv").fingerprint == task.fingerprint


def test_held_out_rows_are_pinned() -> None:
    """Another choice would change the fingerprint of every task that was split before."""
    assert np.flatnonzero(hold_out(np.arange(20) % 2, 0, stratified=True)).tolist() == [5, 8, 12, 19]
    assert np.flatnonzero(hold_out(np.linspace(0, 1, 20), 0, stratified=False)).tolist() == [4, 8, 12, 16]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(0, 5))
def test_held_out_share_of_every_class(labels: list[int], seed: int) -> None:
    """A fifth of each class, rounded; never a whole class."""
    values = np.array(labels)
    mask = hold_out(values, seed, stratified=True)
    for label in np.unique(values):
        total, held = int((values == label).sum()), int(mask[values == label].sum())
        assert abs(held - total / 5) <= 0.5
        assert held < total


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=5, max_size=80), st.integers(0, 5))
def test_held_out_targets_cover_the_range(targets: list[float], seed: int) -> None:
    """One of every five in order of the target."""
    values = np.array(targets)
    mask = hold_out(values, seed, stratified=False)
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    assert sorted(ranks[mask] // 5) == list(range(len(values) // 5))


def test_row_numbers_are_lines_of_the_file(tmp_path: Path) -> None:
    """A field of three lines before it must not shift the number an editor shows."""
    path = tmp_path / "t.csv"
    path.write_text('review,stars\n"one\ntwo\nthree",good\nfine,bad\nshort\n')
    with pytest.raises(UserError, match=r"t\.csv, row 6: too few fields, found 1 where 2 are needed"):
        load(path)


def test_line_ends_inside_a_text_are_kept(tmp_path: Path) -> None:
    """Only the line ends between rows belong to the file."""
    path = tmp_path / "t.csv"
    path.write_bytes(b'review,stars\r\n"one\r\ntwo",good\r\nfine,bad\r\n')
    assert load(path, dev=save(tmp_path / "dev.csv", RECORDS)).train.texts == ("one\r\ntwo", "fine")


def bad_cell(column: str, value: Any, position: int = 7) -> list[dict[str, Any]]:
    records = [dict(record) for record in RECORDS]
    records[position][column] = value
    return records


@pytest.mark.parametrize(
    ("extension", "row"), [("csv", "row 9"), ("tsv", "row 9"), ("jsonl", "row 8"), ("parquet", "row 8")]
)
def test_missing_cells_name_their_row(tmp_path: Path, extension: str, row: str) -> None:
    """Null, NaN and blank, for text and label."""
    path = tmp_path / f"t.{extension}"
    for column, what in [("review", "has no text"), ("stars", "has no label")]:
        for value in (None, "  "):
            with pytest.raises(UserError, match=rf"t\.{extension}, {row}: column '{column}' {what}"):
                load(save(path, bad_cell(column, value)))


@pytest.mark.parametrize("value", ["nan", "NaN"])
def test_a_label_that_spells_nan_is_missing(tmp_path: Path, value: str) -> None:
    """It is what a NaN becomes on its way through a CSV; the word stays allowed inside texts."""
    with pytest.raises(UserError, match="row 8: column 'stars' has no label"):
        load(save(tmp_path / "t.jsonl", bad_cell("stars", value)))
    assert load(save(tmp_path / "t.jsonl", bad_cell("review", value))).kind == "classification"


@pytest.mark.parametrize(("label", "message"), [(float("inf"), "is not finite"), ("1e999", "is not finite")])
def test_targets_that_are_not_finite(tmp_path: Path, label: Any, message: str) -> None:
    records = [{"review": "x", "stars": value} for value in [0.5, 1.5, label]]
    with pytest.raises(UserError, match=rf"row 3: target .* in column 'stars' {message}"):
        load(save(tmp_path / "t.jsonl", records))


def test_a_target_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"row 4: target 'much' in column 'stars' is not a number"):
        with_labels(tmp_path / "t.csv", ["0.5", "1.5", "much"], kind="regression")


def test_an_unknown_label_in_dev(tmp_path: Path) -> None:
    train = save(tmp_path / "t.csv", RECORDS)
    dev = save(tmp_path / "dev.tsv", bad_cell("stars", "god"))
    message = r"dev\.tsv, row 9: unknown label 'god' in column 'stars'; did you mean 'good'\? \(classes: bad, good\)"
    with pytest.raises(UserError, match=message):
        load(train, dev=dev)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "reviews"}, r"no column 'reviews'; did you mean 'review'\? \(its columns: id, review, stars\)"),
        ({"label": "zzz"}, r"no column 'zzz' \(its columns: id, review, stars\)"),
        ({"text_pair": "star"}, "no column 'star'; did you mean 'stars'"),
        ({"text": None}, r"say which column holds the text, --text COLUMN \(its columns: id, review, stars\)"),
        ({"label": None}, "say which column holds the label"),
        ({"text_pair": "review"}, "must be different columns"),
        ({"label": "review"}, "must be different columns"),
        ({"split_seed": -1}, "split_seed must not be negative, found -1"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(save(tmp_path / "t.csv", RECORDS), **options)


def test_dev_is_checked_like_train(tmp_path: Path) -> None:
    train = save(tmp_path / "t.csv", RECORDS)
    for name, content, message in [
        ("dev.csv", "review,star\na,good\n", r"dev\.csv has no column 'stars'; did you mean 'star'"),
        ("dev.csv", "review,stars\n", r"dev\.csv is empty"),
        ("dev.csv", "review,stars\na,good\n", r"dev\.csv, column 'stars': all 1 examples have the single class 'good'"),
        ("dev.txt", "", r"unknown kind of file '\.txt'"),
    ]:
        (tmp_path / name).write_text(content)
        with pytest.raises(UserError, match=message):
            load(train, dev=tmp_path / name)
    with pytest.raises(UserError, match="is the training file itself"):
        load(train, dev=tmp_path / ".." / tmp_path.name / "t.csv")


def test_wrong_paths(tmp_path: Path) -> None:
    save(tmp_path / "reviews.csv", RECORDS)
    (tmp_path / "reviews.xlsx").write_bytes(b"PK")
    (tmp_path / "folder.csv").mkdir()
    for name, message in [
        ("review.csv", r"there is no file .*review\.csv; did you mean .*reviews\.csv\?"),
        ("nowhere/reviews.csv", "its folder does not exist"),
        (
            "reviews.xlsx",
            r"unknown kind of file '\.xlsx' in .*\(one of: \.csv, \.tsv, \.jsonl, \.ndjson, \.json, \.parquet\)",
        ),
        ("folder.csv", "is a folder, not a file"),
    ]:
        with pytest.raises(UserError, match=message):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.jsonl", b"", "is empty"),
        ("t.csv", b"review,stars\n\n", "is empty"),
        ("t.csv", b"review,stars\na,good\nb,good\n", "all 2 examples have the single class 'good'"),
        ("t.csv", b"review,stars\na,0.5\nb,0.5\n", r"single target 0\.5"),
        ("t.csv", b"review,stars\na,good\nb,bad\n", "too few rows"),
        ("t.csv", b"review,stars\na,good\ncaf\xe9,bad\n", "row 3: byte 0xe9 at offset 23 is not UTF-8"),
        ("t.csv", b"review,stars,review\na,good,b\n", "names the column 'review' twice"),
        ("t.csv", b"review,stars\na,good\n\nb\n", "row 4: too few fields, found 1"),
        ("t.csv", b'review,stars\n"a\nb",good,c\n', "row 2: too many fields.*--quoting none"),
        ("t.csv", b"review,stars\na,good,extra\n", "row 2: too many fields"),
        ("t.csv", b'review,stars\na,good\n"open,bad\n', "row 3: .*is a double quote missing.*--quoting none"),
        ("t.jsonl", b'{"review": "a", "stars": "b"}\n{"review": \n', "row 2: not JSON"),
        ("t.jsonl", b'["a", "b"]\n', "row 1: a JSON object is needed"),
        ("t.jsonl", b'{"review": 5, "stars": "b"}\n', "row 1: column 'review' has 5, which is not a text"),
        (
            "t.jsonl",
            b'{"review": "a", "stars": "b"}\n{"review": "a", "stars": ["b"]}\n',
            "row 2: .*several labels of one",
        ),
        (
            "t.jsonl",
            b'{"review": "a", "stars": ["b"]}\n{"review": "a", "stars": "b"}\n',
            "row 2: .*have a list of labels",
        ),
        ("t.jsonl", b'{"review": "a", "stars": ["b"]}\n', "column 'stars': only the label 'b' in 1 rows"),
        ("t.jsonl", b'{"review": "a", "stars": "x"}\n{"stars": "y"}\n', "row 2: column 'review' has no text"),
        ("t.jsonl", b'{"review": "a", "stars": NaN}\n', "row 1: column 'stars' has no label"),
        ("t.parquet", b"no parquet", "is not a Parquet file"),
    ],
)
def test_bad_content(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(tmp_path / name)


def test_name(tmp_path: Path) -> None:
    """A file called train is named after its folder."""
    (tmp_path / "reviews").mkdir()
    path = save(tmp_path / "reviews" / "train.csv", RECORDS)
    assert load(path).name == "reviews"
    assert load(path, name="mine").name == "mine"


def table(folder: Path, rows: list[str], header: str = "review,stars,doc", name: str = "t.csv") -> Path:
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / name


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


def test_three_examples_a_class_are_a_warning(tmp_path: Path) -> None:
    task = load_table(table(tmp_path, [f"text {i},{'abc'[i % 3]},d" for i in range(9)]), text="review", label="stars")
    assert task.notes[-1].startswith(
        "warning: 3 of 3 classes have fewer than 5 examples (training + development: a 2 + 1"
    )


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


@pytest.mark.slow
def test_a_long_table_takes_the_memory_of_its_wanted_columns(tmp_path: Path) -> None:
    """A file of 20 MB, of which a tenth is wanted."""
    import tracemalloc

    rows = [f"text {index:06},{'ab'[index % 2]},{'x' * 180}" for index in range(100_000)]
    path = table(tmp_path, rows)
    del rows
    tracemalloc.start()
    read_table(path, ["review", "stars"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 19e6
    assert peak < 11e6
