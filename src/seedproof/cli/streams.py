"""Output that never ends a command: what a terminal cannot show is written in plainer letters."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_PLAINER = {"–": "-", "−": "-", "×": "x", "…": "...", "“": '"', "”": '"', "’": "'", "·": "-", "→": "->", "±": "+-",
            "✓": "yes", "✗": "no"}  # fmt: skip
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
