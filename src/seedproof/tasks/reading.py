"""Files as tables, for users' own data and for GLUE alike: bytes, their compression and encoding, and what kind they are.

CSV, TSV, JSON Lines and JSON may be compressed with gzip. Text is UTF-8, with or without a byte-order mark, or UTF-16
with one. CSV, TSV, JSON Lines and Parquet are read row by row: of a large file only the wanted columns are ever in memory.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from seedproof.errors import UserError, is_out_of_memory, unknown
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
    most: int | None = None,
) -> Table:
    """Read a CSV, TSV, JSON Lines, JSON or Parquet file, chosen by its extension.

    Args:
        path: the file.
        wanted: names of the columns to keep; none keeps all.
        quoting: of CSV and TSV; see :data:`seedproof.tasks.parsing.Quoting`.
        header: names of all columns of a CSV or TSV that does not begin with them.
        skip_damaged: leave out rows of a CSV or TSV with a wrong number of fields instead of raising.

        most: rows to read, where a look at the first ones will do; None: all.

    Raises:
        UserError: no such file, another kind of file, bytes that are not its encoding, no such column, a row that does
            not fit, no rows.
    """
    extension, compressed = known_kind(path)
    with opened(path, compressed) as file:
        if extension == ".parquet":
            return not_empty(read_parquet(path, file, wanted, most))
        lines = text_lines(path, file)
        if extension == ".json":
            return not_empty(read_json(path, "".join(lines), wanted))
        if extension not in DELIMITERS:
            return not_empty(read_json_lines(path, lines, wanted, most))
        return not_empty(
            read_delimited(
                path,
                lines,
                wanted,
                delimiter=DELIMITERS[extension],
                quoting=quoting,
                header=header,
                skip_damaged=skip_damaged,
                most=most,
            )
        )


def known_kind(path: Path) -> tuple[str, bool]:
    """The same as :func:`kind_of_file`, of a file that can be read.

    Raises:
        UserError: a folder, or another kind of file.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file with examples")
    extension, compressed = kind_of_file(path)
    if extension not in EXTENSIONS or (compressed and extension == ".parquet"):
        raise unknown(
            "kind of file", "".join(path.suffixes[-2:]) if compressed else path.suffix, EXTENSIONS, where=str(path)
        )
    return extension, compressed


def kind_of_file(path: Path) -> tuple[str, bool]:
    """The extension in small letters, and whether the file is compressed: ``reviews.CSV.gz`` is ``.csv``, True."""
    compressed = path.suffix.lower() == ".gz"
    return (path.with_suffix("") if compressed else path).suffix.lower(), compressed


def stem(path: Path) -> str:
    """The file's name without its extensions."""
    return (path.with_suffix("") if kind_of_file(path)[1] else path).stem


def text_lines(path: Path, file: IO[bytes]) -> Iterator[str]:
    """The lines of a text with their ends, of which only line feeds end one: a text may hold the other characters that
    ``str.splitlines`` breaks at.

    Raises:
        UserError: a byte is not of its encoding: names the row and the byte.
    """
    begin = file.read(4)
    encoding = next((name for mark, name in _MARKS.items() if begin.startswith(mark)), None)
    if encoding is not None:
        text = _decoded(path, begin + file.read(), encoding, 0, 1)
        yield from io.StringIO(text, newline="\n")
        return
    offset = 0
    for row, line in enumerate(_behind(begin, file), start=1):
        text = _decoded(path, line, "utf-8", offset, row)
        if row == 1:
            text = text.removeprefix("\ufeff")
            if "\0" in text[:4]:
                raise UserError(f"{path} looks like UTF-16 without a byte-order mark; convert the file to UTF-8")
        yield text
        offset += len(line)


def _behind(begin: bytes, file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file of which the beginning has been read."""
    *whole, last = (begin + file.readline()).split(b"\n")
    yield from (line + b"\n" for line in whole)
    if last:
        yield last
    yield from file


def _decoded(path: Path, data: bytes, encoding: str, offset: int, row: int) -> str:
    """The text of bytes that begin at an offset and a row of a file."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        # Some decoders count from behind a byte-order mark, which they have taken off by then.
        at = error.start + len(data) - len(error.object)
        line = row + data.count(b"\n", 0, at)
        raise UserError(
            f"{path}, row {line}: byte 0x{data[at]:02x} at offset {offset + at} is not {encoding.upper()}; convert the file to "
            "UTF-8"
        ) from None


def missing_file(path: Path) -> UserError:
    """Build the error for a file that does not exist: it names the nearest one beside it."""
    if not path.parent.is_dir():
        return UserError(f"there is no file {path}: its folder does not exist")
    close = difflib.get_close_matches(path.name, sorted(entry.name for entry in path.parent.iterdir()), n=1, cutoff=0.7)
    hint = f"; did you mean {path.parent / close[0]}?" if close else ""
    return UserError(f"there is no file {path}{hint}")


@contextmanager
def opened(path: Path, compressed: bool) -> Iterator[IO[bytes]]:
    """The bytes of a file, uncompressed as they are read.

    Raises:
        UserError: no such file, or one that cannot be read to its end.
    """
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            yield cast("IO[bytes]", file)
    except FileNotFoundError:
        raise missing_file(path) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file: {error}; make it anew") from None
    except OSError as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
