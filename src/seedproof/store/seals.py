"""Seals: beside a file ``x`` a file ``x.sha256`` that says how many bytes it had, and their SHA-256.

A journal grows behind its seal, so the seal vouches for the beginning of the file: what stood there when it was sealed is
still there, byte for byte. The file itself is as it would be without one; where there is no seal, nothing is checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

from seedproof.errors import Damaged
from seedproof.store.encoding import parse
from seedproof.store.files import check_plain, read_plain, write_atomically

SUFFIX = ".sha256"
PIECE_BYTES = 4 * 1024 * 1024
"""Bytes of a large file that are read at a time."""


class Seal:
    """How many bytes a file had when it was sealed, and the SHA-256 of these."""

    def __init__(self, size: int = 0, checksum: str = "") -> None:
        self.size = size
        """Bytes."""
        self.checksum = checksum

    @classmethod
    def read(cls, path: Path) -> Seal | None:
        """The seal of the file ``path``; None where it has none.

        Raises:
            UserError: the seal is damaged.
        """
        seal = path_of(path)
        if not os.path.lexists(seal):
            return None
        try:
            value = parse(read_plain(seal))
        except FileNotFoundError:  # it was taken away just now, to be written anew
            return None
        except ValueError:
            value = None
        is_seal = isinstance(value, dict) and value.keys() == {"bytes", "sha256"}
        if not is_seal or type(value["bytes"]) is not int or not re.fullmatch("[0-9a-f]{64}", str(value["sha256"])):
            raise Damaged(f"{seal} is damaged", f"restore it from a copy, or remove it to have {path.name} unchecked")
        return cls(value["bytes"], value["sha256"])

    def write(self, path: Path) -> None:
        """Put the seal beside the file ``path``.

        Raises:
            OSError: the disk refused.
        """
        write_atomically(path_of(path), (json.dumps({"bytes": self.size, "sha256": self.checksum}) + "\n").encode())


class Checker:
    """Compares a file with its seal while it is read, piece by piece from its beginning.

    Args:
        path: the file.
        may_grow: whether there may be more behind what was sealed, as in a journal.
    """

    def __init__(self, path: Path, *, may_grow: bool = True) -> None:
        self._path, self._may_grow = path, may_grow
        self._seal = Seal.read(path)
        self._digest, self._left = hashlib.sha256(), 0 if self._seal is None else self._seal.size

    @property
    def is_sealed(self) -> bool:
        """Whether there is anything to compare with."""
        return self._seal is not None

    def take(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            UserError: the sealed part is over, and differs from what was sealed.
        """
        if self._seal is None:
            return
        if len(data) > self._left and not self._may_grow:
            raise self._broken("it is longer than what was written")
        if self._left:
            self._digest.update(data[: self._left])
            self._left = max(0, self._left - len(data))
            if not self._left and self._digest.hexdigest() != self._seal.checksum:
                raise self._broken("its content is not what was written")

    def end(self) -> None:
        """Say that the file has no more.

        Raises:
            UserError: its sealed part was longer.
        """
        if self._left:
            raise self._broken(f"it ends {self._left} bytes before the end of what was written")

    def _broken(self, what: str) -> Damaged:
        seal = path_of(self._path).name
        return Damaged(
            f"{self._path} is damaged ({what})",
            f"restore it from a copy, or remove the file {seal} beside it if you changed it on purpose",
        )


def path_of(path: Path) -> Path:
    """Where the seal of a file is."""
    return path.with_name(path.name + SUFFIX)


def unseal(path: Path) -> None:
    """Take the seal away: a new content must never meet that of the old one."""
    path_of(path).unlink(missing_ok=True)


def write_sealed(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, and seal it.

    Raises:
        OSError: the disk refused.
    """
    unseal(path)
    write_atomically(path, data)
    Seal(len(data), hashlib.sha256(data).hexdigest()).write(path)


def seal_file(path: Path) -> None:
    """Seal a file that is there, of any size.

    Raises:
        OSError: it cannot be read, or the disk refused.
    """
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    Seal(path.stat().st_size, checksum).write(path)


def check_sealed(path: Path) -> None:
    """Compare a file of any size with its seal, if it has one.

    Raises:
        UserError: it is no plain file, or differs from what was sealed.
    """
    check_plain(path)
    checker = Checker(path, may_grow=False)
    if checker.is_sealed:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                checker.take(piece)
        checker.end()


def read_sealed(path: Path) -> bytes:
    """Read a file and compare it with its seal, if it has one.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is no plain file, or differs from what was sealed.
    """
    data = read_plain(path)
    checker = Checker(path, may_grow=False)
    checker.take(data)
    checker.end()
    return data
