"""Output that never ends a command, and that a narrow terminal does not cut in the middle of a word."""

from __future__ import annotations

import codecs
import io
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from seedproof.report.console import Console

WIDTH_WITHOUT_TERMINAL = 120
"""Columns of tables that go to a file or a pipe, unless the variable COLUMNS says otherwise."""

_PLAINER = {
    "–": "-",
    "−": "-",
    "×": "x",
    "…": "...",
    "“": '"',
    "”": '"',
    "’": "'",
    "·": "-",
    "→": "->",
    "±": "+-",
    "✓": "yes",
    "✗": "no",
}
_HANDLER = "seedproof.plainer"


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks; a byte of a file name that is no text is written as such."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = []
    for letter in error.object[error.start : error.end]:
        is_byte = 0xDC80 <= ord(letter) <= 0xDCFF  # os.fsdecode's surrogates
        without_accent = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
        letters.append(f"\\x{ord(letter) - 0xDC00:02x}" if is_byte else _PLAINER.get(letter) or without_accent or "?")
    return "".join(letters), error.end


def write_anything() -> None:
    """Let standard output and standard error take every text, whatever their encoding is."""
    codecs.register_error(_HANDLER, _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


_COMMAND = re.compile(
    r"(?<![\w/.-])seedproof (?=(?:bench|demo|doctor|fit|ls|measure|miniature|predict|report|reproduce|study) ).*"
)


def columns(stream: TextIO | None = None) -> int | None:
    """Width of the terminal that a stream (None: standard output) is; None where it is none."""
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def output() -> Console:
    """The console of standard output; where that is no terminal, its width does not depend on where it is read."""
    from seedproof.report.console import Console

    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isdigit() and int(asked) else WIDTH_WITHOUT_TERMINAL
    return Console(width=None if sys.stdout.isatty() else width, highlight=False)


def say(text: object, *, err: bool = False) -> None:
    """Print sentences on standard output, or on standard error: on a terminal lines break between words."""
    width = columns(sys.stderr if err else sys.stdout)
    typer.echo(str(text) if width is None else wrapped(str(text), width), err=err)


def wrapped(text: str, width: int) -> str:
    """``text`` in lines of ``width`` characters; a command is kept in one, because it will be copied."""
    return "\n".join(part for line in text.split("\n") for part in _lines(line, width))


def _lines(line: str, width: int) -> list[str]:
    own = line[: len(line) - len(line.lstrip())]
    indent = f"{own}  "
    command = _COMMAND.search(line) if len(line) > width else None
    words = line[: command.start()] if command else line
    if command and not words.strip():
        return [line]
    parts = textwrap.wrap(
        words.strip(),
        width,
        initial_indent=own,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
    if command and len(parts[-1]) + 1 + len(command[0]) <= width:
        parts[-1] += f" {command[0]}"
    elif command:
        parts.append(indent + command[0])
    return parts
