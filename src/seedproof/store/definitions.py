"""The study files of a store: kept, and read as far as their text tells which runs each made and what it records."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedproof.spec import MOST_SEEDS
from seedproof.store.cells import Cell
from seedproof.store.files import read_plain, write_atomically
from seedproof.store.names import base_of


def definition_files(store: Path) -> list[Path]:
    """The files in a store, in the order in which they made and extended its study."""
    extensions = [path for path in store.glob("study-*.toml") if path.stem[len("study-") :].isdecimal()]
    first = [path for path in [store / "study.toml"] if path.exists()]
    return first + sorted(extensions, key=lambda path: int(path.stem[len("study-") :]))


def keep_definition(store: Path, text: str) -> Path:
    """Keep a text, unless a file has it already; return the file that has it. The caller holds the store."""
    existing = definition_files(store)
    for path in existing:
        if read_plain(path) == text.encode():
            return path
    numbers = itertools.count(len(existing) + 1)  # a lost file leaves a gap, and no file is written over
    names = ("study.toml" if number == 1 else f"study-{number}.toml" for number in numbers)
    path = next(path for name in names if not (path := store / name).exists())
    write_atomically(path, text.encode("utf-8"))
    return path


def names_cell(definition: str, cell: Cell, task: str = "") -> bool:
    """Whether a study file names a cell's task (or has its fingerprint, ``task``), its model, recipe and seed."""
    seeds = _content(definition).get("seeds", ())
    listed = range(min(seeds, MOST_SEEDS)) if isinstance(seeds, int) else seeds if isinstance(seeds, list) else ()
    labels = {_label(seed) for seed in listed}
    is_task = (task and task in definition) or cell.task in definition
    return bool(is_task) and all(n in definition for n in (cell.model, base_of(cell.recipe))) and cell.seed in labels


def recording_table(definition: str) -> Mapping[str, Any] | None:
    """The table ``[recording]`` of a study file; None where it has none."""
    table = _content(definition).get("recording")
    return table if isinstance(table, Mapping) else None


def _label(seed: Any) -> str:
    if not isinstance(seed, Mapping):
        return str(seed)
    numbers = [str(seed.get(name)) for name in ("head", "order", "dropout")]
    return numbers[0] if len(set(numbers)) == 1 else "/".join(numbers)


def _content(definition: str) -> dict[str, Any]:
    try:
        return tomllib.loads(definition)
    except (ValueError, RecursionError):
        return {}
