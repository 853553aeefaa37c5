"""``seedproof.json``, the file that makes a folder a study: its format, and whether a folder is one or can become one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedproof.errors import UserError, command
from seedproof.store.documents import read_document
from seedproof.store.files import check_plain_below

FORMAT = 1
"""Raised when an older version could no longer read what is written."""

MARKER = "seedproof.json"


def check_is_free(folder: Path) -> None:
    """Refuse a folder in which no new study can be made.

    Raises:
        UserError: it is a file, a study already, or has other things in it.
    """
    if folder.is_dir():
        if (folder / MARKER).exists():
            raise UserError(f"{folder} is already a study; extend it, or choose another folder")
        strangers = sorted(path.name for path in folder.iterdir() if not _is_ours(path.name))
        if strangers:
            raise UserError(f"{folder} is not a study and not empty (it has {strangers[0]!r}); choose another folder")
        check_plain_below(folder, entered=())
    elif folder.exists():
        raise UserError(f"{folder} is a file; a study needs a folder: choose another name")


def _is_ours(name: str) -> bool:
    """Whether another launcher that is making the same study right now could have made this."""
    return name in ("runs", "lock") or name.startswith(f".{MARKER}.")


def read_marker(folder: Path) -> dict[str, Any]:
    """Read the file that makes ``folder`` a study.

    Raises:
        UserError: there is none, it is damaged, or a newer version wrote it.
    """
    marker = folder / MARKER
    try:
        content = read_document(marker, fix="restore it from a copy")
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(_why_not_a_study(folder)) from None
    written = content.get("format")
    if type(written) is not int:
        raise UserError(f"{marker} is not the file of a study: it has no 'format'")
    if written > FORMAT:
        raise UserError(
            f"{folder} was written by a newer seedproof (format {written}, this version reads up to {FORMAT}); "
            "install the newer version"
        )
    return content


def _why_not_a_study(folder: Path) -> str:
    if not folder.exists():
        return f"there is no folder {folder}; check the path (how to make a study: {command('study', 'run', '--help')})"
    if not folder.is_dir():
        return f"{folder} is a file; give the folder of a study"
    return f"{folder} is not a study: it has no {MARKER}; give the folder that a study was run into with --out"
