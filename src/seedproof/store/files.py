"""Files that are either whole or absent, and what is said when the disk is full.

A file is written under a temporary name in its own folder, flushed to the disk, and renamed with ``os.replace``; the
folder is flushed as well, so that the new name survives a loss of power (see ``man 2 fsync``, "does not necessarily
ensure that the entry in the directory ... has also reached disk").
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name of every file that is still being written; what bears it after a crash is waste."""


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader sees the old content or the new one, never a part.

    Raises:
        OSError: the disk refused; ``path`` is as it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush the names in ``folder`` to the disk (Windows has no such call and needs none)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_folder(partial: Path, target: Path) -> None:
    """Flush every file of the folder ``partial`` and give it the name ``target``, in place of what was there.

    Raises:
        OSError: the disk refused.
    """
    for file in partial.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    flush_folder(partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    flush_folder(target.parent)


def remove_temporary_files(folder: Path) -> None:
    """Remove what a killed writer left in ``folder``; only for whoever holds the folder's lock."""
    for path in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether ``error`` says that there is no space (or no quota) left.

    Libraries in Rust (safetensors, tokenizers) raise their own types and only quote the operating system.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "No space left on device" in str(error)


def disk_full_message(folder: Path) -> str:
    """What a user is told when the disk under ``folder`` is full."""
    return (
        f"no space is left on the disk of {folder}; finished runs are untouched: "
        "free some space and give the same command again"
    )
