"""How much of a study is drawn, so that the report of a thousand runs is still a page; every limit can be raised."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

OPTION = "--limit"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is drawn and kept in a report at most.

    Raises:
        UserError: a limit is below 1.
    """

    curves: int = 5
    """Runs of a cell whose curves are drawn in a figure: so many failed and so many successful ones, by seed."""
    cells: int = 12
    """Cells (task, model and recipe) of a figure of curves."""
    recipes: int = 6
    """Recipes whose step sizes are drawn in one figure."""
    points: int = 1000
    """Points of a curve in a figure's table; a longer one becomes means over windows of steps."""
    runs: int = 1000
    """Runs that can be opened in the page."""
    rows: int = 10_000
    """Rows of the table of runs."""
    examples: int = 2000
    """Examples of a development set whose predictions are shown one by one."""
    characters: int = 400
    """Characters of a text."""
    csv: int = 1_000_000
    """Characters of a table that is kept in the page as a CSV file."""

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise UserError(f"{OPTION} {name}={value} is not valid; give a whole number from 1")

    @classmethod
    def parse(cls, written: Iterable[str]) -> Self:
        """Limits written as ``curves=20``; what is not named keeps its default.

        Raises:
            UserError: an unknown limit, or no whole number from 1.
        """
        values: dict[str, int] = {}
        for text in written:
            name, _, value = text.partition("=")
            if name not in NAMES:
                raise unknown("limit", name, NAMES, where=OPTION)
            if not value.strip().isdecimal():
                raise UserError(f"{OPTION} {text!r} is not valid; give a whole number, e.g. {OPTION} {name}=100")
            values[name] = int(value)
        return cls(**values)


NAMES = tuple(field.name for field in dataclasses.fields(Limits))
"""What there are limits of."""


def more(name: str) -> str:
    """How a limit is raised, as the end of a sentence that says what was left out."""
    return f"“seedproof report DIR {OPTION} {name}=N” shows N"


def spread(runs: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Rows of the table of runs, ``limit`` at most, in its order: of each cell and outcome the first ones, as many of each.

    Every cell stays, and its failed runs beside its successful ones; nothing is picked by its looks.
    """
    if len(runs) <= limit:
        return runs
    keys = ["task", "model", "recipe", "state", "outcome"]
    rank = runs.groupby(keys, sort=False, dropna=False).cumcount()
    return runs.loc[rank.sort_values(kind="stable").index[:limit].sort_values()]
