"""Files that are nearly right are read, or refused with what to do; what was decided in reading them is said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from seedproof.errors import UserError
from seedproof.tasks.reading import read_table

RECORDS = [{"text": "good", "label": "a"}, {"text": "bad, \u2028 indeed", "label": "b"}]
TEXTS = [record["text"] for record in RECORDS]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)
CSV = 'text,label\ngood,a\n"bad, \u2028 indeed",b\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("t.JSONL.GZ", gzip.compress(LINES.encode(), mtime=0)),
        ("t.ndjson", LINES.encode()),
        ("t.jsonl", LINES.replace("\n", "\r\n \n\n").encode()),
        ("t.json", json.dumps(RECORDS, indent=1).encode()),
        ("t.json", json.dumps({"data": RECORDS}).encode()),
        ("t.json", json.dumps({"text": TEXTS, "label": ["a", "b"]}).encode()),
        ("t.json", json.dumps({"text": dict(enumerate(TEXTS)), "label": {"0": "a", "1": "b"}}).encode()),
        ("t.json", LINES.encode()),
        ("t.csv", CSV.replace("\n", "\n\n  \n").encode()),
        ("t.csv", CSV.replace("\n", "\r\n").encode()),
        ("t.csv", CSV.encode("utf-8-sig")),
        ("t.csv", CSV.encode("utf-16")),
        ("t.csv", CSV.replace("label\n", "label,,\n").replace("a\n", "a,,\n").replace("b\n", "b,,\n,,,\n").encode()),
        ("t.csv", CSV.replace(",", ";").replace("bad;", "bad,").encode()),
        ("t.tsv", CSV.encode()),
    ],
)
def test_the_same_rows_are_read_from_each(tmp_path: Path, name: str, content: bytes) -> None:
    """Compressed, other JSON, blank lines, line ends, marks, unused columns without a name, another delimiter."""
    (tmp_path / name).write_bytes(content)
    table = read_table(tmp_path / name, ["text", "label"])
    assert (table.column("text"), table.column("label")) == (TEXTS, ["a", "b"])


def test_another_delimiter_than_the_extensions_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text;label\ngood, well;a\n")
    table = read_table(tmp_path / "t.csv", ["text", "label"])
    assert table.notes == ("t.csv: read with semicolons between the fields",)
    (tmp_path / "t.csv").write_text("text,label;x\ngood,a\n")
    assert read_table(tmp_path / "t.csv", ["text"]).notes == ()


def test_a_field_may_have_any_length(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"text,label\n{'long ' * 40_000},a\n")
    assert len(read_table(tmp_path / "t.csv").column("text")[0]) == 200_000


def test_a_table_without_quoting(tmp_path: Path) -> None:
    """A quote is a character, blank lines do not matter, and rows keep their line numbers."""
    (tmp_path / "t.tsv").write_text('label\ttext\nneg\t"we will never win\n\npos\tnobody said "so"\n')
    table = read_table(tmp_path / "t.tsv", ["text"], quoting="none")
    assert (table.column("text"), list(table.rows)) == (['"we will never win', 'nobody said "so"'], [2, 4])


def test_lines_that_a_quote_swallowed_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('label\ttext\nneg\t"we never win\npos\tnobody said so"\nneg\t"two\nlines"\n')
    warning, note = read_table(tmp_path / "t.tsv").notes
    assert warning.startswith(
        "warning: t.tsv, row 2: a double quote swallows line ends, and 2 lines that look like rows "
    )
    assert warning.endswith("--quoting none")
    assert note == "t.tsv: line ends stand in a quoted field of 1 rows (first in row 4)"


def test_unused_columns_may_share_a_name_and_used_ones_not(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,x,x\na,b,c\n")
    assert read_table(tmp_path / "t.csv", ["text"]).column("text") == ["a"]
    table = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 3, names=["text", "x", "x"])
    parquet.write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", ["text"]).column("text") == ["a"]
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(UserError, match="names the column 'x' twice"):
            read_table(tmp_path / name, ["x"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "a fine film,pos\n" * 3, r"no column 'text' \(its columns: a fine film, pos\).*has it a header\?"),
        ("t.csv", "text,label\ngood,a\n".encode("utf-16-le"), "looks like UTF-16 without a byte-order mark"),
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-9], "is not a whole gzip file"),
        ("t.csv.gz", CSV.encode(), "is not a whole gzip file"),
        ("t.parquet.gz", b"", r"unknown kind of file '\.parquet\.gz'"),
        ("t.zip", b"", r"unknown kind of file '\.zip'"),
        ("t.json", '[{"text": "a"}, 5]', "row 2: a JSON object is needed, found 5"),
        ("t.json", '{"text": ["a", "b"], "label": ["c"]}', r"different lengths \(text 2, label 1\)"),
        ("t.json", '{"text": ["a"], "label": {"0": "c"}}', "a list of records, columns of equal length, or one record"),
        ("t.json", "5", "a list of records, columns of equal length, or one record per line is needed, found 5"),
        ("t.json", "[" * 100_000, "is not JSON"),
        ("t.jsonl", '{"a": ' * 100_000, "row 1: not JSON"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / name, ["text"])
