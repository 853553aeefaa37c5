"""A journal: records appended to a file of JSON lines, cheap to write and safe to lose the end of.

The design is that of Optuna's journal file (``optuna/storages/journal/_file.py``): append, flush, and a reader that
forgives a torn last line but not a torn middle. Records gather in memory and go to the operating system every few
seconds in one write (they then survive the death of the process); :meth:`Journal.flush` forces them onto the disk (they
then survive a loss of power). The file is opened for each write, so a journal needs no closing.

:meth:`Journal.seal` vouches for what is written so far (:mod:`seedproof.store.seals`): lines that are changed, lost or doubled
before that byte are then found when the journal is read, which their form alone does not show.

One process at a time may append to a journal: whoever holds the lock of its folder.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from seedproof.errors import Damaged
from seedproof.store.encoding import decode, dumps, parse
from seedproof.store.files import check_plain, flush_folder, write_atomically
from seedproof.store.seals import Checker, Seal, path_of, unseal

BUFFER_BYTES = 4 * 1024 * 1024
"""Records are written out at the latest when they take this much memory."""


class Journal:
    """The journal in the file ``path``; the file is made with the first write.

    Args:
        path: the file.
        seconds: how long a record may stay in memory before the next append writes it out.
        may_be_lost: a file that is gone has no records, whatever its seal says, because they can be made again.
    """

    def __init__(self, path: Path, *, seconds: float = 5.0, may_be_lost: bool = False) -> None:
        self.path = path
        self._may_be_lost = may_be_lost
        self._seconds = seconds
        self._lines: list[bytes] = []
        self._bytes = 0
        self._written = time.monotonic()
        self._tail_is_whole = False
        self._name_is_flushed = False
        self._digest, self._digested = hashlib.sha256(), 0
        """Hash of the first bytes of the file, so that it need not be read again for each seal."""

    @property
    def is_sealed(self) -> bool:
        """Whether what is written is vouched for, as this version does and earlier ones did not."""
        return path_of(self.path).exists()

    def append(self, record: dict[str, Any]) -> None:
        """Add a record: a dictionary of JSON values and NumPy arrays (see :mod:`seedproof.store.encoding`).

        Raises:
            TypeError: the record holds something that cannot be stored.
            OSError: the disk refused; the file is as before, and the records since the last write are lost.
        """
        line = dumps(record).encode("ascii") + b"\n"
        self._lines.append(line)
        self._bytes += len(line)
        if self._bytes >= BUFFER_BYTES or time.monotonic() - self._written >= self._seconds:
            self._write(force=False)

    def flush(self) -> None:
        """Bring every record onto the disk.

        Raises:
            OSError: as for :meth:`append`.
        """
        self._write(force=True)

    def seal(self) -> None:
        """Bring every record onto the disk, and vouch for all that the file holds.

        Raises:
            OSError: as for :meth:`append`.
        """
        self._write(force=True)
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self._digested)
            while piece := file.read(BUFFER_BYTES):
                self._digest.update(piece)
                self._digested += len(piece)
        Seal(self._digested, self._digest.hexdigest()).write(self.path)

    def read(self, *, is_closed: bool = False) -> Iterator[dict[str, Any]]:
        """Yield every record in order; a torn last line is passed over, a missing file has no records.

        Args:
            is_closed: nothing is appended any more, so there must be nothing behind what was sealed.

        Raises:
            UserError: a line before the last is damaged, the message names file and line; or the file is not what was sealed.
        """
        self._write(force=False)
        for number, _, record in self._records(is_closed=is_closed):
            try:
                value = decode(record)
            except ValueError as error:
                raise self._damage(number) from error
            yield value

    def read_behind(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """Records behind a byte of the file, for a reader that follows a journal while another process writes it.

        A last line that is not whole is left for the next time. Nothing is compared with the seal.

        Returns:
            The records in order, and the byte behind the last of them; none of a file that is missing or shorter than that.

        Raises:
            UserError: a line is damaged.
        """
        self._write(force=False)
        check_plain(self.path)
        found: list[dict[str, Any]] = []
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if (record := _parse(line)) is None:
                    raise Damaged(
                        f"{self.path}, behind byte {position}: this line is damaged", "restore the file from a copy"
                    )
                found.append(decode(record))
                position += len(line)
        return found, position

    def cut_back(self, step: int) -> None:
        """Keep only the records with ``record["step"] <= step``; ``-1`` keeps none.

        The kept lines stay byte for byte as they are. After this the journal is on the disk, and sealed if it was before.

        Raises:
            UserError: a line before the last is damaged, or the file is not what was sealed.
            KeyError: a record has no ``"step"``.
        """
        self._write(force=False)
        kept = [line for _, line, record in self._records() if decode(record["step"]) <= step]
        was_sealed = self.is_sealed
        if self.path.exists():
            self._replace(b"".join(kept))
        if was_sealed:
            self.seal()

    def clear(self) -> None:
        """Forget every record, also those of a file that is damaged."""
        self._lines, self._bytes = [], 0
        if self.path.exists():
            self._replace(b"")
        unseal(self.path)

    def take_over(self, other: Journal) -> None:
        """Put the file of another journal, which ends with that, in the place of this one's.

        Where an earlier call was killed half-way, what is left of it to do is done.
        """
        if other.path.exists():
            unseal(self.path)
            other.path.replace(self.path)
        if path_of(other.path).exists():
            path_of(other.path).replace(path_of(self.path))
        self._tail_is_whole = False
        self._digest, self._digested = hashlib.sha256(), 0

    def _replace(self, data: bytes) -> None:
        unseal(self.path)  # it vouches for more than there will be
        write_atomically(self.path, data)
        self._tail_is_whole = self._name_is_flushed = True
        self._digest, self._digested = hashlib.sha256(), 0

    def _records(self, *, is_closed: bool = False) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """Yield line number, line and its JSON (arrays still encoded) of every whole line."""
        check_plain(self.path)
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            if not self._may_be_lost:
                Checker(self.path).end()
            return
        damaged = 0
        with file:
            sealed = Checker(
                self.path, may_grow=not is_closed
            )  # after the file was opened: its seal never vouches for less than is there
            for number, line in enumerate(file, start=1):
                sealed.take(line)
                if damaged:
                    raise self._damage(damaged)
                if not line.endswith(b"\n"):
                    break  # torn, or just being written: what follows on this line may appear any moment
                record = _parse(line)
                if record is None:
                    damaged = number
                else:
                    yield number, line, record
            sealed.end()

    def _damage(self, number: int) -> Damaged:
        return Damaged(
            f"{self.path}, line {number}: this line is damaged though others follow it, which an interrupted write does not do",
            "restore the file from a copy, or remove the folder of the run to have it done again",
        )

    def _write(self, *, force: bool) -> None:
        lines, self._lines, self._bytes = self._lines, [], 0
        self._written = time.monotonic()
        if not lines and not (force and self.path.exists()):
            return
        check_plain(self.path)
        if self._may_be_lost and not self.path.exists():
            unseal(self.path)  # of the file that is gone
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            self._append_bytes(descriptor, b"".join(lines), force=force)
        finally:
            os.close(descriptor)
        if force and not self._name_is_flushed:
            flush_folder(self.path.parent)
            self._name_is_flushed = True

    def _append_bytes(self, descriptor: int, data: bytes, *, force: bool) -> None:
        if not self._tail_is_whole:  # else a line torn by an earlier death would become a torn middle
            os.ftruncate(descriptor, _whole_length(self.path))
            self._tail_is_whole = True
        size = os.lseek(descriptor, 0, os.SEEK_END)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if force:
                os.fsync(descriptor)
        except OSError:
            self._tail_is_whole = False  # a half-written line must not stay in front of later ones
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise


def _parse(line: bytes) -> dict[str, Any] | None:
    """Parse one line, or None when it is not a whole record."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = parse(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _whole_length(path: Path) -> int:
    """Bytes of ``path`` up to the end of its last whole record; only the last line can be torn."""
    start, line = 0, b""
    with path.open("rb") as file:
        for following in file:
            start, line = start + len(line), following
    return start + len(line) if _parse(line) is not None else start
