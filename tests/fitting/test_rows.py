"""Rows that are read a part at a time are those that are read at once, and memory does not grow with their number."""

from __future__ import annotations

import gzip
import tracemalloc

import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.fitting.rows import read_parts
from seedproof.tasks.reading import read_table

FRAME = pd.DataFrame({"id": ["a", "b", "c"], "text": ['say "hi", now', "two\nlines", "naïve"], "rest": ["1", "2", "3"]})


def write(path, text, encoding="utf-8"):
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("a.csv", "utf-8"), ("a.csv", "utf-8-sig"), ("a.csv", "utf-16"), ("a.CSV.gz", "utf-8"), ("a.tsv", "utf-8")],
)
def test_delimited_files_are_read_as_at_once(tmp_path, name, encoding):
    path = write(tmp_path / name, FRAME.to_csv(index=False, sep="\t" if "tsv" in name else ","), encoding)
    check(path)


def test_other_delimiters_blank_lines_and_typed_files(tmp_path):
    check(write(tmp_path / "a.csv", "\n\n" + FRAME.to_csv(index=False, sep=";") + "\n\n"))
    check(write(tmp_path / "a.jsonl", FRAME.to_json(orient="records", lines=True) + "\n"))
    check(write(tmp_path / "a.json", FRAME.to_json(orient="records")))
    FRAME.to_parquet(tmp_path / "a.parquet")
    check(tmp_path / "a.parquet")


def test_a_row_of_blank_fields_is_a_row(tmp_path):
    """An answer is due for each; a blank line is none."""
    [part] = read_parts(write(tmp_path / "a.csv", "text,id\nx,1\n,\n\ny,3\n"), ["text", "id"])
    assert (list(part.rows), list(part.column("id"))) == ([2, 3, 5], ["1", "", "3"])


def check(path):
    whole = read_table(path, ["text", "id"])
    parts = list(read_parts(path, ["text", "id"], size=2))
    assert [row for part in parts for row in part.rows] == list(whole.rows)
    for name in ("text", "id"):
        assert [value for part in parts for value in part.column(name)] == list(whole.column(name))


def test_double_quotes_may_be_plain_characters(tmp_path):
    path = write(tmp_path / "a.tsv", 'text\tid\n"open\ta\nnot closed"\tb\n')
    [part] = read_parts(path, ["text"], quoting="none")
    assert part.column("text") == ['"open', 'not closed"']
    with pytest.raises(
        UserError, match="row 2: too few fields, found 1 where 2 are needed; if double quotes are plain"
    ):
        list(read_parts(write(tmp_path / "b.tsv", 'text\tid\n"open\nclosed"\n'), ["text"]))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "txt\nx\n", r"a\.csv has no column 'text'; did you mean 'txt'\?"),
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "text,id\nx,1\ny\n", r"a\.csv, row 3: too few fields, found 1 where 2 are needed"),
        ("a.csv", 'text,id\nx,1\n"y,2\n', r"a\.csv, row 3: .*is a double quote missing"),
        ("a.jsonl", '{"text": "x"}\n[1]\n', r"a\.jsonl, row 2: a JSON object is needed"),
        ("a.jsonl", '{"text": "x"}\n{"text"\n', r"a\.jsonl, row 2: not JSON"),
        ("a.parquet", "no", "is not a Parquet file"),
        ("a.xlsx", "no", r"unknown kind of file '\.xlsx'"),
        ("a.csv.gz", None, "is not a whole gzip file"),
    ],
)
def test_what_cannot_be_read_is_one_message(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"text\nx\n" * 50)[:-12]) if text is None else path.write_text(text)
    with pytest.raises(UserError, match=message):
        list(read_parts(path, ["text"]))


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_named(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text\n\xff\xfe\n")
    with pytest.raises(UserError, match="row 2: byte 0xff at offset 5 is not UTF-8"):
        list(read_parts(tmp_path / "a.csv", ["text"]))
    with pytest.raises(UserError, match="there is no file"):
        list(read_parts(tmp_path / "b.csv", ["text"]))
    with pytest.raises(UserError, match="is a folder"):
        list(read_parts(tmp_path, ["text"]))


def test_memory_is_that_of_a_part(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,id\n" + "a text of some length,1\n" * 30_000)  # some 8 MB as columns
    tracemalloc.start()
    assert sum(len(part) for part in read_parts(path, ["text"])) == 30_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
