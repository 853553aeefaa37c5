"""Files that are either whole or absent, that are nothing but files, and what is said when the disk is full.

A file is written under a temporary name in its own folder, flushed to the disk, and renamed with ``os.replace``; the
folder is flushed as well, so that the new name survives a loss of power (see ``man 2 fsync``, "does not necessarily
ensure that the entry in the directory ... has also reached disk").

A store may come from a stranger. A symbolic link in it would let this program read or overwrite files elsewhere, and a
named pipe would let it wait for ever; both are refused before anything is opened.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from seedproof.errors import UserError

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name of every file that is still being written; what bears it after a crash is waste."""


def check_target(path: str | os.PathLike[str], what: str = "") -> Path:
    """Refuse, before anything is computed, a file that could not be written after.

    Args:
        path: of the file.
        what: is written, for the message: ``"the report "``.

    Raises:
        UserError: its folder does not exist, or it is a folder itself.
    """
    target = Path(path)
    if target.is_dir():
        raise UserError(f"cannot write {what}{target}: it is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise UserError(f"cannot write {what}{target}: there is no folder {target.parent}")
    return target


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader sees the old content or the new one, never a part.

    Raises:
        OSError: the disk refused; ``path`` is as it was before.
    """
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, which replaces ``path`` when the block ends; after an error ``path`` is as before.

    Raises:
        OSError: the disk refused.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)


def check_plain(path: Path) -> None:
    """Refuse to open what is there and is no plain file.

    Raises:
        UserError: ``path`` is a symbolic link, a folder, a named pipe or a device.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(mode):
        raise _not_plain(path, mode)


def check_plain_below(folder: Path, entered: Iterable[str] | None = None) -> None:
    """Refuse a folder that holds anything but plain files and folders, at any depth.

    Args:
        folder: it may be a link itself.
        entered: names of the folders directly in it that are looked into; None: all.

    Raises:
        UserError: names the first symbolic link, named pipe or device.
    """
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entered is None or entry.name in entered:
                    check_plain_below(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False):
                check_plain(Path(entry.path))  # unless it is gone by now


def _not_plain(path: Path, mode: int) -> UserError:
    if stat.S_ISLNK(mode):
        return UserError(
            f"{path} is a symbolic link (to {path.readlink()}), and a study reads and writes nothing outside its folder; "
            "put the file or folder itself in its place, or remove the link"
        )
    what = "a folder" if stat.S_ISDIR(mode) else "a named pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
    return UserError(f"{path} is {what} where a file belongs; remove it, or restore the file from a copy")


def read_plain(path: Path) -> bytes:
    """Read a file that is no link.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        UserError: it is no plain file, or may not be read.
    """
    check_plain(path)
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give yourself the right to read it") from error


def read_text(path: Path) -> str:
    """Read a text file of a store; raises as :func:`read_plain`, and where it is not UTF-8."""
    try:
        return read_plain(path).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged (byte {error.start} is not UTF-8); restore it from a copy") from None


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
    """Flush every file in the folder ``partial`` and below, and give it the name ``target``, in place of what was there.

    Raises:
        OSError: the disk refused.
    """
    for path in partial.rglob("*"):
        if path.is_dir():
            flush_folder(path)
            continue
        with path.open("rb") as opened:
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
