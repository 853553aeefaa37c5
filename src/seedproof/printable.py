"""Text from elsewhere (names in a store, class names of a table) as text that only shows: no character that acts.

A terminal obeys escape sequences, an XML file cannot hold control characters at all, and marks of writing direction make
text read otherwise than it is. Each such character is replaced by one that can be seen.
"""

from __future__ import annotations

import re
from typing import Any, TextIO

_ACTS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff"
_IN_TEXT = re.compile(f"[{_ACTS}]")
_IN_A_LINE = re.compile(f"[{_ACTS}\\t\\n\\u2028\\u2029]")


def printable(text: str) -> str:
    r"""``text`` with every control character replaced, line breaks and tabs kept.

    Controls of ASCII become their pictures (Unicode, block 2400), all others and halves of surrogate pairs U+FFFD.

    >>> printable("a\x1b[2Jb\n")
    'a␛[2Jb\n'
    """
    return text if text.isprintable() else _IN_TEXT.sub(_picture, text)


def printable_line(text: str) -> str:
    r"""Text as of :func:`printable`, with line breaks and tabs replaced as well: for names, which stand within a line.

    >>> printable_line("a\nb")
    'a␊b'
    """
    return text if text.isprintable() else _IN_A_LINE.sub(_picture, text)


def file_name(text: str) -> str:
    """``text`` as part of a file's name or an address in a page: letters, digits, ``_`` and ``-``; "" if nothing is left.

    >>> file_name("../fig 4")
    'fig-4'
    """
    return re.sub(r"[^\w-]+", "-", text).strip("-")


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


class PrintableStream:
    """A text stream that writes what it is given as :func:`printable` text.

    What rich writes goes past it, because rich's own colours are escape sequences: :class:`seedproof.report.console.Console`
    cleans the texts before it colours them.
    """

    buffer = None
    """None: click would write into it, past this class, where the terminal's encoding is ASCII."""

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream  # the name by which rich finds the stream itself

    def write(self, text: str) -> int:
        """Write ``text``; the number of characters written."""
        return self.rich_proxied_file.write(_IN_TEXT.sub(_picture, text))  # TypeError for bytes, as click expects

    def writelines(self, lines: Any) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def counted(count: float, noun: str) -> str:
    """A number with its noun, in the plural unless it is 1.

    >>> counted(1, "epoch"), counted(2.5, "epoch"), counted(2500, "run")
    ('1 epoch', '2.5 epochs', '2,500 runs')
    """
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {noun}{'' if count == 1 else 's'}"
