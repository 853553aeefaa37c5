"""Measurements: what was found by evaluating stored weights, kept and resumed like a run.

    measurements/<id>/
      measurement.json   what is measured: kind, fingerprints of the weights, options; the id is its hash
      lock               locked by the process that measures
      parts.jsonl        one record per finished part (a row of a grid, a batch of texts)
      result.json        written last: the measurement is finished when, and only when, this file exists

A part is measured once; an interrupted measurement goes on with the parts that are missing. A measurement's folder may
lie in a study's folder or in any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seedproof.errors import Damaged, UserError
from seedproof.spec import ID_LENGTH, content_hash
from seedproof.store.documents import read_document, write_document
from seedproof.store.files import check_plain_below, remove_temporary_files
from seedproof.store.journal import Journal
from seedproof.store.lock import exclusive

FOLDER = "measurements"
LOCK_SECONDS = 0.5
_FIX = "remove the folder to have it measured again"

Values = dict[str, Any]
"""What one part found: JSON values and NumPy arrays."""


class Parts(Protocol):
    """Where the parts of a measurement go, and those that are there already."""

    def done(self) -> dict[str, Values]:
        """The finished parts by name, in the order in which they were added."""

    def add(self, name: str, values: Values) -> None:
        """Keep a finished part."""

    def finish(self, result: Mapping[str, Any]) -> None:
        """Say that no part is missing; nothing happens where that was said before."""


class Measurement:
    """The measurement in the folder ``path``; made by :func:`open_measurement`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._description = path / "measurement.json"
        self._result = path / "result.json"
        self._journal = Journal(path / "parts.jsonl", seconds=0.0)

    @property
    def id(self) -> str:
        """The measurement's id, which is the folder's name."""
        return self.path.name

    @property
    def description(self) -> dict[str, Any]:
        """What is measured.

        Raises:
            UserError: the file is missing or damaged, or describes another measurement.
        """
        description = _read(self._description)
        try:
            found = measurement_id(description)
        except ValueError as error:  # what no description holds, as a number that is not finite
            raise Damaged(f"{self._description} is damaged ({error})", _FIX) from error
        if found != self.id:
            raise Damaged(f"{self._description} is damaged (it describes the measurement {found}, not {self.id})", _FIX)
        return description

    @property
    def is_finished(self) -> bool:
        """Whether no part is missing."""
        return self._result.exists()

    def result(self) -> dict[str, Any]:
        """What was said when it was finished.

        Raises:
            UserError: it is not finished, or the file is damaged.
        """
        if not self.is_finished:
            raise UserError(
                f"the measurement {self.id} in {self.path.parent} was interrupted after {len(self.done())} parts; give the "
                "command that began it again, which goes on from there"
            )
        return _read(self._result, is_sealed=self._journal.is_sealed)

    def done(self) -> dict[str, Values]:
        """The finished parts by name, in the order in which they were added.

        Raises:
            UserError: a line before the last is damaged.
        """
        parts: dict[str, Values] = {}
        for number, record in enumerate(self._journal.read(), start=1):
            if not isinstance(record.get("part"), str) or not isinstance(record.get("values"), dict):
                raise UserError(f"{self._journal.path}, line {number}, is damaged: it is no part; {_FIX}")
            parts.setdefault(record["part"], record["values"])
        return parts

    def add(self, name: str, values: Values) -> None:
        """Bring a finished part onto the disk; only for whoever holds the measurement.

        Raises:
            OSError: the disk refused; the part has to be measured again.
        """
        self._journal.append({"part": name, "values": values})
        self._journal.seal()

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result, which makes the measurement finished; one that is finished is left alone."""
        if not self.is_finished:
            write_document(self._result, result)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the measurement for the length of a ``with`` block.

        Raises:
            Held: another process holds it.
        """
        message = f"the measurement {self.id} in {self.path.parent} is being made by another process; wait for its end"
        with exclusive(self.path / "lock", timeout=LOCK_SECONDS, message=message):
            remove_temporary_files(self.path)
            yield


class Unkept:
    """Parts that are kept in memory only."""

    def __init__(self) -> None:
        self._parts: dict[str, Values] = {}

    def done(self) -> dict[str, Values]:
        """The finished parts by name."""
        return dict(self._parts)

    def add(self, name: str, values: Values) -> None:
        """Keep a finished part until the program ends."""
        self._parts[name] = values

    def finish(self, result: Mapping[str, Any]) -> None:
        """Nothing is to be written."""


def measurement_id(description: Mapping[str, Any]) -> str:
    """The id of what is described: its hash, as a run's."""
    return content_hash(_plain(description))[:ID_LENGTH]


def _plain(value: Any) -> Any:
    """``value`` with Python's numbers in place of NumPy's: a seed may come from a table, and a number is a number."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def open_measurement(folder: str | os.PathLike[str], description: Mapping[str, Any]) -> Measurement:
    """The measurement of what is described, in ``folder/measurements/<id>``, which is made if it is missing.

    Raises:
        UserError: the folder cannot be written.
    """
    measurement = Measurement(Path(folder) / FOLDER / measurement_id(description))
    path = measurement.path / "measurement.json"
    check_plain_below(Path(folder), entered=())
    check_plain_below(measurement.path.parent, entered=(measurement.id,))
    if not path.exists():
        try:
            measurement.path.mkdir(parents=True, exist_ok=True)
            write_document(path, _plain(description))
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise UserError(
                f"cannot keep a measurement in {folder}: {error.strerror or error}; choose another folder"
            ) from error
    return measurement


@contextmanager
def kept_parts(folder: str | os.PathLike[str] | None, description: Mapping[str, Any]) -> Iterator[Parts]:
    """The parts of a measurement, held while it is not finished; None keeps them in memory only.

    Raises:
        Held: another process is making this measurement.
        UserError: the folder cannot be written.
    """
    if folder is None:
        yield Unkept()
        return
    measurement = open_measurement(folder, description)
    if measurement.is_finished:  # also in a folder that may not be written
        yield measurement
        return
    with measurement.hold():
        yield measurement


def measurements(folder: str | os.PathLike[str]) -> list[Measurement]:
    """Every measurement in a folder, finished or not, by id."""
    return [Measurement(path.parent) for path in sorted(Path(folder).glob(f"{FOLDER}/*/measurement.json"))]


def _read(path: Path, *, is_sealed: bool = False) -> dict[str, Any]:
    try:
        return read_document(path, fix=_FIX, is_sealed=is_sealed)
    except FileNotFoundError:
        raise UserError(f"{path.parent} is not the folder of a measurement: there is no {path.name}") from None
