"""Runs as people point at them: by an id or its beginning, or by the names in a study's tables, ``devlin/3``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from seedproof.errors import UserError, command
from seedproof.spec import ID_LENGTH
from seedproof.store.cells import Cell
from seedproof.store.names import base_of

_PREFIX = re.compile(rf"[0-9a-f]{{4,{ID_LENGTH}}}")
_SHOWN = 6
"""Runs that an error lists."""


def find_run(cells: Sequence[Cell], written: str, folder: Path) -> str:
    """The id of the run that ``written`` points at.

    Args:
        cells: of the study.
        written: an id, its first four digits or more, or ``RECIPE/SEED``; with ``TASK/``, ``MODEL/`` or ``TASK/MODEL/``
            before it where several runs have that. A named recipe stands for the same with settings, if there is but one.
        folder: of the study, for messages.

    Raises:
        UserError: it points at no run, or at several.
    """
    for way in (_by_id, _by_name, _by_base):
        found = dict.fromkeys(cell.id for cell in way(cells, written))
        if len(found) == 1:
            return next(iter(found))
        if found:
            names = [name for cell, name in zip(cells, shortest_names(cells), strict=True) if cell.id in found]
            listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            raise UserError(f"{written!r} points at {len(found)} runs of the study in {folder}; write one of {listed}")
    close = difflib.get_close_matches(written, list(dict.fromkeys(shortest_names(cells))), n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listing = command("study", "runs", folder)
    raise UserError(f"the study in {folder} has no run {written!r}{hint} (all of them are listed by: {listing})")


def shortest_names(cells: Sequence[Cell]) -> list[str]:
    """Shortest name of each cell that points at its run alone; where none does, because names repeat, its id."""
    ids: dict[str, set[str]] = {}
    for cell in cells:
        for name in _names(cell):
            ids.setdefault(name, set()).add(cell.id)
    return [next((name for name in _names(cell) if len(ids[name]) == 1), cell.id) for cell in cells]


def _names(cell: Cell, recipe: str | None = None) -> list[str]:
    run = f"{cell.recipe if recipe is None else recipe}/{cell.seed}"
    return [run, f"{cell.task}/{run}", f"{cell.model}/{run}", f"{cell.task}/{cell.model}/{run}"]


def _by_id(cells: Sequence[Cell], written: str) -> list[Cell]:
    return [cell for cell in cells if cell.id.startswith(written)] if _PREFIX.fullmatch(written) else []


def _by_name(cells: Sequence[Cell], written: str) -> list[Cell]:
    return [cell for cell in cells if written in _names(cell)]


def _by_base(cells: Sequence[Cell], written: str) -> list[Cell]:
    return [cell for cell in cells if written in _names(cell, base_of(cell.recipe))]
