"""The study files of a store, as far as can be told from their text: which runs each made, and what it records."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from seedproof.spec import MOST_SEEDS
from seedproof.store.cells import Cell
from seedproof.store.names import base_of


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
