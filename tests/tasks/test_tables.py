"""A user's own tables: four kinds of files, what the labels mean, the held-out rows, and every mistake in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tasks.made import FORMATS, RECORDS, load, save, table

from seedproof.errors import UserError
from seedproof.study.given import as_task
from seedproof.tasks import load_table
from seedproof.tasks.reading import read_table


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


@pytest.mark.parametrize("metric", ["f1:c", "average_precision:c"])
@pytest.mark.parametrize(("rows", "found"), [(["a", "b"], "none is"), (["c", "c;a"], "all are")])
def test_a_metric_that_says_nothing_on_the_development_set_is_refused(
    tmp_path: Path, metric: str, rows: list[str], found: str
) -> None:
    """Every run would be trained, and fail for a cause that is none."""
    train = table(tmp_path, [f"text {index},{'abc'[index % 3]},d" for index in range(30)])
    dev = table(tmp_path, [f"other {index},{label},d" for index, label in enumerate(rows)], name="dev.csv")
    message = f"the metric '{metric}' says nothing on the development set: of its 2 examples {found} of 'c'; give"
    with pytest.raises(UserError, match=message):
        load(train, dev=dev, metric=metric, label_separator=";" if found == "all are" else None)


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
