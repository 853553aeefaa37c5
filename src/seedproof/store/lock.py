"""Locks that die with their process.

The operating system's lock on an open file (``flock``, through ``filelock``) is given up the moment the process that
holds it ends, in whatever way, so no lock is ever stale and nothing has to be guessed from process numbers. The file
stays; only the lock on it counts.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from seedproof.errors import UserError
from seedproof.store.files import check_plain


class Held(UserError):
    """Another process is working on this; it is not free before that process ends."""


@contextmanager
def exclusive(path: Path, *, timeout: float, message: str) -> Iterator[None]:
    """Hold the lock on the file ``path`` (made if missing) for the length of a ``with`` block.

    Args:
        path: the lock file.
        timeout: seconds to wait for another holder.
        message: said when it is still held then.

    Raises:
        Held: another process, or another part of this one, holds it.
        UserError: ``path`` is a link or something else that is no file.
        OSError: the lock file cannot be opened.
    """
    check_plain(path)
    lock = FileLock(path, timeout=timeout, poll_interval=0.02)
    try:
        lock.acquire()
    except Timeout:
        raise Held(message) from None
    try:
        yield
    finally:
        lock.release()


def adding_to(store: Path) -> AbstractContextManager[None]:
    """Keep other processes from adding to a store for the length of a ``with`` block, as :func:`exclusive`."""
    return exclusive(store / "lock", timeout=60.0, message=f"{store} is being written to by another process")


def is_held(path: Path) -> bool:
    """Whether some process holds the lock on ``path`` now; looks without taking it from anybody.

    A shared lock is tried, so that several readers never see each other, and a read-only store can be looked at.
    """
    check_plain(path)
    if sys.platform == "win32":
        return _is_held_exclusively(path)
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except PermissionError as error:
        raise UserError(f"cannot look at {path}: {error.strerror}; give yourself the right to read it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return True
        return _is_held_exclusively(path)  # no flock on this file system: filelock has a way of its own there
    finally:
        os.close(descriptor)
    return False


def _is_held_exclusively(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
