"""Which runs of a study are drawn: by seed and outcome, never by their looks."""

from __future__ import annotations

import pandas as pd

from seedproof.analysis.runs import came_to_end
from seedproof.printable import counted
from seedproof.report.limits import Limits, more

CELL = ["task", "model", "recipe"]
"""Columns that name a cell."""
_DEFAULT = Limits()


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2,000 runs``."""
    return counted(count, noun)


def chosen_runs(runs: pd.DataFrame, limits: Limits = _DEFAULT) -> tuple[pd.DataFrame, str]:
    """The runs whose curves are drawn, and a sentence that says which they are.

    The first by seed of each cell and outcome; nothing is picked by its looks.
    """
    finished = came_to_end(runs).drop_duplicates("run")
    cells = finished[CELL].drop_duplicates()
    shown = finished.merge(cells.head(limits.cells), on=CELL)
    chosen = shown.groupby([*CELL, "outcome"], sort=False).head(limits.curves)
    if len(chosen) == len(finished):
        return chosen, f"Every finished run is drawn ({len(chosen):,})."
    note = f"{plural(len(chosen), 'run')} of {len(finished):,} drawn."
    if len(chosen) < len(shown):
        note += f" Per cell the first {limits.curves} failed and the first {limits.curves} successful, by seed; {more('curves')}."
    if len(cells) > limits.cells:
        note += f" The first {limits.cells} of {len(cells)} cells; {more('cells')}."
    return chosen, note


def pair_for_gradients(runs: pd.DataFrame) -> pd.DataFrame:
    """The first failed and the first successful run that belong together: of one cell if there is one with both.

    Else of one task and model; else whatever there is first of each outcome. Diverged runs come last among the failed.
    """
    finished = came_to_end(runs).drop_duplicates("run")
    finished = finished.sort_values("reason", key=lambda reasons: reasons == "diverged", kind="stable")
    for keys in (CELL, ["task", "model"]):
        for _, group in finished.groupby(keys, sort=False):
            if group["outcome"].nunique() == 2:
                return group.drop_duplicates("outcome").sort_values("outcome")
    return finished.drop_duplicates("outcome").sort_values("outcome")
