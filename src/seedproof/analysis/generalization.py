"""Does a low training loss harm the score? Every finished run of a grid, and the rank correlation (paper, Figure 8b)."""

from __future__ import annotations

import pandas as pd

from seedproof.analysis.ranks import rank_correlation
from seedproof.errors import UserError

COLUMNS = ("run", "seed", "task", "recipe", "outcome", "training_loss", "score")
CORRELATION_COLUMNS = ("task", "runs", "correlation", "low", "high", "p", "confidence")


def generalization_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The final training loss (mean of the last epoch's steps, dropout on) and the score of every finished run.

    Returns:
        Columns ``COLUMNS``. A diverged run has NaN for both, and its row.

    Raises:
        UserError: no run is finished.
    """
    finished = runs[runs["state"] == "finished"]
    if finished.empty:
        raise UserError(
            f"none of the {len(runs)} runs is finished: there is no score to compare with the training loss"
        )
    return finished[list(COLUMNS)].reset_index(drop=True)


def loss_score_correlation(table: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Spearman's rank correlation of final training loss and score among the runs that succeeded, per task.

    Above 0: runs with a lower loss score worse. Failed runs are left out because they have high loss and a low score for
    another reason than the one in question; they would make any correlation negative.

    Returns:
        Columns ``CORRELATION_COLUMNS``; ``p`` is two-sided; NaN with fewer than 4 successful runs.
    """
    rows = []
    for task, part in table.groupby("task", sort=False):
        succeeded = part[part["outcome"] == "succeeded"]
        found = rank_correlation(succeeded["training_loss"], succeeded["score"])
        p = 2 * min(found.p_beyond(0, "above"), found.p_beyond(0, "below"))
        rows.append((task, len(succeeded), found.effect, *found.interval(confidence), p, confidence))
    return pd.DataFrame(rows, columns=list(CORRELATION_COLUMNS))
