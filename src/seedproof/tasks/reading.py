"""Files as tables, for users' own data and for GLUE alike: bytes, their compression and encoding, and what kind they are.

CSV, TSV, JSON Lines and JSON may be compressed with gzip. Text is UTF-8, with or without a byte-order mark, or UTF-16
with one.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from seedproof.errors import UserError, unknown
from seedproof.tasks.columns import Table, not_empty
from seedproof.tasks.delimited import DELIMITERS, read_delimited
from seedproof.tasks.parsing import Quoting
from seedproof.tasks.records import read_json, read_json_lines, read_parquet

EXTENSIONS = (*DELIMITERS, ".jsonl", ".ndjson", ".json", ".parquet")
"""Kinds of files that :func:`read_table` knows; all but Parquet also with ``.gz`` behind."""

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte-order marks; the longer ones first, as UTF-32's begins with UTF-16's."""


def read_table(
    path: Path,
    wanted: Sequence[str] = (),
    *,
    quoting: Quoting = "standard",
    header: Sequence[str] | None = None,
    skip_damaged: bool = False,
) -> Table:
    """Read a CSV, TSV, JSON Lines, JSON or Parquet file, chosen by its extension.

    Args:
        path: the file.
        wanted: names of the columns to keep; none keeps all.
        quoting: of CSV and TSV; see :data:`seedproof.tasks.parsing.Quoting`.
        header: names of all columns of a CSV or TSV that does not begin with them.
        skip_damaged: leave out rows of a CSV or TSV with a wrong number of fields instead of raising.

    Raises:
        UserError: no such file, another kind of file, bytes that are not its encoding, no such column, a row that does
            not fit, no rows.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file with examples")
    extension, compressed = kind_of_file(path)
    if extension not in EXTENSIONS or (compressed and extension == ".parquet"):
        raise unknown(
            "kind of file", "".join(path.suffixes[-2:]) if compressed else path.suffix, EXTENSIONS, where=str(path)
        )
    data = _uncompressed(path, _read_bytes(path)) if compressed else _read_bytes(path)
    if extension == ".parquet":
        return not_empty(read_parquet(path, data, wanted))
    text = decoded(path, data)
    if extension in DELIMITERS:
        return not_empty(
            read_delimited(
                path,
                text,
                wanted,
                delimiter=DELIMITERS[extension],
                quoting=quoting,
                header=header,
                skip_damaged=skip_damaged,
            )
        )
    return not_empty((read_json if extension == ".json" else read_json_lines)(path, text, wanted))


def kind_of_file(path: Path) -> tuple[str, bool]:
    """The extension in small letters, and whether the file is compressed: ``reviews.CSV.gz`` is ``.csv``, True."""
    compressed = path.suffix.lower() == ".gz"
    return (path.with_suffix("") if compressed else path).suffix.lower(), compressed


def stem(path: Path) -> str:
    """The file's name without its extensions."""
    return (path.with_suffix("") if kind_of_file(path)[1] else path).stem


def decoded(path: Path, data: bytes) -> str:
    """The text of a file.

    Raises:
        UserError: a byte is not of its encoding: names the row and the byte.
    """
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        # The decoder of UTF-8 counts from behind a byte-order mark, which it has taken off by then.
        offset = error.start + len(data) - len(error.object)
        row = data.count(b"\n", 0, offset) + 1
        name = encoding.removesuffix("-sig").upper()
        raise UserError(
            f"{path}, row {row}: byte 0x{data[offset]:02x} at offset {offset} is not {name}; convert the file to UTF-8"
        ) from None
    if "\0" in text[:4]:
        raise UserError(f"{path} looks like UTF-16 without a byte-order mark; convert the file to UTF-8")
    return text


def missing_file(path: Path) -> UserError:
    """Build the error for a file that does not exist: it names the nearest one beside it."""
    if not path.parent.is_dir():
        return UserError(f"there is no file {path}: its folder does not exist")
    close = difflib.get_close_matches(path.name, sorted(entry.name for entry in path.parent.iterdir()), n=1, cutoff=0.7)
    hint = f"; did you mean {path.parent / close[0]}?" if close else ""
    return UserError(f"there is no file {path}{hint}")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None


def _uncompressed(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file: {error}; make it anew") from None
