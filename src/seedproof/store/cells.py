"""Cells: the entries of a study's table, and which run stands in each.

The names in a cell are for people and belong to the study; the id belongs to the run. Two cells may share one run (two
recipes that resolve to the same values), which is then executed once.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from seedproof.errors import UserError
from seedproof.printable import printable_line
from seedproof.spec import ID_LENGTH, RunSpec
from seedproof.store.checked import check_cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One planned run of a study, by the names its tables use."""

    task: str
    model: str
    recipe: str
    """Label of the recipe, e.g. ``mosbach(epochs=10)``."""
    seed: str
    """Label of the seeds: ``7``, or ``1/7/7`` for head, order and dropout."""
    id: str
    """The run's id."""

    def __post_init__(self) -> None:
        for name in ("task", "model", "recipe", "seed"):  # of a store from elsewhere: they are printed and drawn
            object.__setattr__(self, name, printable_line(str(getattr(self, name))))

    @classmethod
    def of(cls, spec: RunSpec) -> Self:
        """Name the cell of a run as the run itself does."""
        return cls(
            task=spec.task.name,
            model=spec.model.name,
            recipe=str(spec.recipe.get("name", "custom")),
            seed=spec.seeds.label,
            id=spec.id,
        )

    def to_json(self) -> dict[str, str]:
        """Plain JSON values."""
        return dataclasses.asdict(self)


FIELDS = tuple(item.name for item in dataclasses.fields(Cell))
"""Names of what a cell holds."""


def check_readable(cell: Cell) -> None:
    """Refuse a cell that reading would refuse: one of them makes the whole study unreadable.

    Raises:
        UserError: its seed is outside of its range, or its id is none.
    """
    where = f"the run {cell.task}/{cell.recipe}/{cell.seed} cannot be stored"
    try:
        check_cell(cell.to_json(), FIELDS)
    except ValueError as error:
        raise UserError(f"{where}: {error}; seeds are whole numbers from 0 to 2^63 - 1") from error
    if not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", cell.id):
        raise UserError(f"{where}: {cell.id!r} is no id, which has {ID_LENGTH} digits 0-9, a-f")


def distinct_ids(cells: Iterable[Cell]) -> Iterator[str]:
    """Yield the ids of ``cells`` in order, each once."""
    yield from dict.fromkeys(cell.id for cell in cells)
