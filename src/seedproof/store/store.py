"""A store: the folder of a study.

    seedproof.json   format, name, numerics; the file that makes a folder a study
    study.toml       the definition that made it; study-2.toml, ... extended it
    runs.jsonl       one line per cell
    models.jsonl     where the weights of each model fingerprint were found
    extensions.jsonl where the user's own methods and probes were found
    tasks/<fingerprint>/   the data of each task
    runs/<id>/       the runs (see :mod:`seedproof.store.run_folder`)
    logs/            what worker processes said

No run, cell or definition is ever deleted. Nothing here depends on where the folder lies, so a store can be moved or
copied; the folder may be reached through a link, but a link inside of it is refused, because it may come from a stranger.
Run folders copied in from another store become part of this one under the names in their specs. The places of
weights and data outside (``models.jsonl``, ``study.toml``) are notes of where these were found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from seedproof.errors import UserError
from seedproof.printable import printable_line
from seedproof.spec import ID_LENGTH, Numerics, RunSpec
from seedproof.store.cells import FIELDS as CELL_FIELDS
from seedproof.store.cells import Cell, check_readable, distinct_ids
from seedproof.store.checked import check_cell, check_numerics
from seedproof.store.definitions import definition_files, keep_definition
from seedproof.store.documents import write_document
from seedproof.store.files import check_plain_below
from seedproof.store.journal import Journal
from seedproof.store.lock import adding_to
from seedproof.store.marker import FORMAT, MARKER, check_is_free, read_marker
from seedproof.store.names import Names
from seedproof.store.places import Places
from seedproof.store.references import find_run
from seedproof.store.run_folder import RunFolder
from seedproof.store.state import State

FOLDERS = ("runs", "tasks", "measurements", "figures", "logs")
"""Folders of ours directly in a store's."""

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_FINGERPRINT = re.compile("[0-9a-f]{64}")


class Store:
    """An open store; use :meth:`create`, :meth:`open` or :meth:`open_or_create`."""

    def __init__(self, path: Path, name: str, numerics: Numerics) -> None:
        self.path = path
        self.name = printable_line(name)
        self.numerics = numerics
        """Fixed when the study is made: another number of threads, say, gives other bits."""
        self._cells = Journal(path / "runs.jsonl", may_be_lost=True)
        self.places = Places(path)
        """Where weights and classes outside of it were found."""

    @property
    def is_watched(self) -> bool:
        """Whether its runs are those of a Trainer that was watched (:mod:`seedproof.connect`), and not a study's."""
        return self.numerics.engine == "trainer"

    @classmethod
    def create(cls, path: str | os.PathLike[str], name: str, numerics: Numerics) -> Self:
        """Make the study ``name`` in the folder ``path``, which must be new or empty.

        Raises:
            UserError: ``path`` is a file, a folder with other things in it or already a study, or cannot be written; or
                a value of the numerics is none that a store can have.
        """
        folder = _as_folder(path)
        check_is_free(folder)
        try:
            check_numerics(numerics.to_json())
        except ValueError as error:  # reading it would refuse the whole study
            raise UserError(
                f"cannot make a study in {folder}: {error}, which no store can keep; choose another"
            ) from error
        content = {"format": FORMAT, "name": name, "numerics": numerics.to_json()}
        try:
            (folder / "runs").mkdir(parents=True, exist_ok=True)
            with adding_to(folder):
                if not (folder / MARKER).exists():  # another launcher may have been first
                    write_document(folder / MARKER, content)
        except OSError as error:
            raise UserError(
                f"cannot make a study in {folder}: {error.strerror or error}; choose another folder"
            ) from error
        return cls.open(folder)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the study in the folder ``path``.

        Raises:
            UserError: it is missing, no study, damaged, written by a newer version, or holds a link.
        """
        folder = _as_folder(path)
        content = read_marker(folder)
        check_plain_below(folder, entered=FOLDERS)
        try:
            check_numerics(content["numerics"])
            return cls(folder, str(content["name"]), Numerics(**content["numerics"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{folder / MARKER} is damaged ({error}); restore it from a copy") from error

    @classmethod
    def open_or_create(cls, path: str | os.PathLike[str], name: str, numerics: Numerics) -> Self:
        """Open the study in ``path``, or make it there; an existing one keeps its own name and numerics.

        Raises:
            UserError: as :meth:`create` and :meth:`open`.
        """
        return cls.open(path) if (Path(path) / MARKER).exists() else cls.create(path, name, numerics)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from adding to the store for the length of a ``with`` block; runs are not affected."""
        return adding_to(self.path)

    def add(self, spec: RunSpec) -> RunFolder:
        """Write ``spec`` into its run folder, unless it is there, and return that folder.

        Raises:
            UserError: its seeds are outside of their range, with which the study could not be read again.
        """
        check_readable(Cell.of(spec))
        folder = self.run(spec.id)
        folder.write_spec(spec)
        return folder

    def add_cells(self, cells: Iterable[Cell]) -> list[Cell]:
        """Add the cells that are not in the study yet, and return those.

        Raises:
            UserError: one of them could not be read again; none was added.
        """
        cells = list(cells)
        for cell in cells:
            check_readable(cell)
        with self.locked():
            known = set(self._recorded_cells())
            new = [cell for cell in dict.fromkeys(cells) if cell not in known]
            for cell in new:
                self._cells.append(cell.to_json())
            self._cells.seal()
        return new

    def cells(self) -> list[Cell]:
        """Every cell, in the order they were added, then those of run folders that were copied in, by id.

        Raises:
            UserError: ``runs.jsonl`` or the spec of a copied run is damaged.
        """
        cells = list(dict.fromkeys(self._recorded_cells()))
        copied = self._copied_in(cells)
        if not copied:
            return cells
        names = Names(cells, self._spec_of)
        return cells + [names.told_apart(self.run(id_).spec) for id_ in copied]

    def copied_in(self) -> list[str]:
        """The ids of runs whose folders were copied in from other studies, which no command of this one makes."""
        return self._copied_in(self._recorded_cells())

    def _copied_in(self, recorded: Iterable[Cell]) -> list[str]:
        strangers = sorted(self._folder_names() - {cell.id for cell in recorded})
        return [id_ for id_ in strangers if self.run(id_).has_spec]

    def names(self) -> Names:
        """What the names in the study's tables stand for."""
        return Names(self.cells(), self._spec_of)

    def _spec_of(self, cell: Cell) -> RunSpec | None:
        """The spec of a cell's run; None where its folder is lost."""
        folder = self.run(cell.id)
        return folder.spec if folder.has_spec else None

    def _recorded_cells(self) -> Iterator[Cell]:
        for number, record in enumerate(self._cells.read(), start=1):
            try:
                check_cell(record, CELL_FIELDS)
                self.run(record["id"])
            except (ValueError, UserError) as error:
                raise UserError(
                    f"{self._cells.path}, line {number}, is damaged ({error}); restore the file from a copy"
                ) from error
            yield Cell(**record)

    def _folder_names(self) -> set[str]:
        try:
            return {name for name in os.listdir(self.path / "runs") if _ID.fullmatch(name)}  # noqa: PTH208 - names only
        except FileNotFoundError:
            return set()

    def run(self, id_: str) -> RunFolder:
        """The folder of a run, which need not exist.

        Raises:
            UserError: ``id_`` is not an id.
        """
        if not _ID.fullmatch(id_):
            raise UserError(f"{id_!r} is not the id of a run: ids have {ID_LENGTH} digits 0-9, a-f")
        return RunFolder(self.path / "runs" / id_)

    def find_run(self, written: str) -> str:
        """The id of a run of the study from what a person wrote: see :func:`seedproof.store.references.find_run`.

        Raises:
            UserError: it points at no run of the study, or at several.
        """
        return find_run(self.cells(), written, self.path)

    def run_ids(self) -> list[str]:
        """The ids of all runs of the study in the order of its cells, each once."""
        return list(distinct_ids(self.cells()))

    def states(self, cells: Sequence[Cell] | None = None) -> dict[str, State]:
        """The state of every run of the study, or of these cells of it; 10,000 runs take about a second."""
        return {id_: self.run(id_).state for id_ in distinct_ids(self.cells() if cells is None else cells)}

    def check_specs(self, ids: Iterable[str]) -> None:
        """Refuse a study of which a run is no longer what its id says; a run whose folder is lost is done anew.

        Raises:
            UserError: a spec is damaged, or that of another run.
        """
        for folder in map(self.run, ids):
            if folder.has_spec:
                folder.spec  # noqa: B018 - reading it compares it with the id

    def results(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield id and result of every finished run of the study.

        Raises:
            UserError: a result is damaged.
        """
        for id_ in self.run_ids():
            folder = self.run(id_)
            if folder.is_finished:
                yield id_, folder.result()

    def task_folder(self, fingerprint: str) -> Path:
        """Where the data of the task with this fingerprint belongs.

        Raises:
            UserError: ``fingerprint`` is none, and would lead elsewhere.
        """
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise UserError(f"{fingerprint!r} is not the fingerprint of a task: these have 64 digits 0-9, a-f")
        return self.path / "tasks" / fingerprint

    def definitions(self) -> list[Path]:
        """The study files that made and extended the study, in that order."""
        return definition_files(self.path)

    def add_definition(self, text: str) -> Path:
        """Keep the text of a study file, unless the same text is already here; return the file that has it."""
        with self.locked():
            return keep_definition(self.path, text)


def _as_folder(path: str | os.PathLike[str]) -> Path:
    """The path of a store, if every library can be given it.

    Raises:
        UserError: it is not UTF-8.
    """
    folder = Path(path)
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise UserError(f"the path {str(folder)!a} is not UTF-8 text; choose or rename the folder") from None
    return folder
