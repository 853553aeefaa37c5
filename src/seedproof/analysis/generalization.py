"""Does a low training loss harm the score? Every finished run of a grid, and the rank correlation (paper, Figure 8b)."""

from __future__ import annotations

import pandas as pd

from seedproof.analysis.ranks import SMALLEST_CORRELATION, RankCorrelation, rank_correlation
from seedproof.analysis.runs import came_to_end
from seedproof.errors import UserError

COLUMNS = ("run", "seed", "task", "model", "recipe", "outcome", "training_loss", "measured", "score")
WHOLE = "whole training set, dropout off"
"""How the loss was measured where the recording ``fit`` has it for every run: as the paper's Figure 8b means it."""
LAST_EPOCH = "mean of the last epoch"
"""How it was measured elsewhere: at each step before its update, with dropout."""
CORRELATION_COLUMNS = (
    *("task", "model", "runs", "correlation", "low", "high", "p", "p_against", "confidence", "missing"),
)
HARM = 0.3
"""A rank correlation of loss and score below .3 explains less than a tenth of the order of the scores; a curve with it
would pass as the flat one that the paper draws. From .3 on a low loss does harm."""


def generalization_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The final training loss and the score of every run that came to its end.

    Returns:
        Columns ``COLUMNS``. ``measured`` is :data:`WHOLE` for a task and model of which every run that did not diverge
        recorded ``fit``, else :data:`LAST_EPOCH` for all of them: losses of two kinds are not compared. A diverged run has
        NaN for loss and score, and its row.

    Raises:
        UserError: no run is finished.
    """
    finished = came_to_end(runs)
    if finished.empty:
        raise UserError(
            f"none of the {len(runs)} runs is finished: there is no score to compare with the training loss"
        )
    fit = finished["fit_loss"] if "fit_loss" in finished else pd.Series(float("nan"), finished.index)
    lacks = fit.isna() & finished["training_loss"].notna()
    whole = ~lacks.groupby([finished["task"], finished["model"]]).transform("any")
    finished = finished.assign(
        training_loss=fit.where(whole & finished["training_loss"].notna(), finished["training_loss"]),
        measured=whole.map({True: WHOLE, False: LAST_EPOCH}),
    )
    return finished[list(COLUMNS)].reset_index(drop=True)


def loss_score(table: pd.DataFrame) -> tuple[RankCorrelation, float, float]:
    """Spearman's rank correlation of final training loss and score among the runs of the table that succeeded.

    Above 0: runs with a lower loss score worse. Failed runs are left out because they have high loss and a low score for
    another reason than the one in question; they would make any correlation negative. Runs of several rates and corrections
    are pooled here, as the paper draws them; the claim ``very-low-loss-harmless`` compares within each.

    Returns:
        The correlation; the one-sided p-value against "low losses do harm", a correlation of :data:`HARM` or more; and that
        against "they do none", of 0 or less. Not corrected: the ledger of claims corrects them for the number of claims.
    """
    succeeded = table[table["outcome"] == "succeeded"]
    found = rank_correlation(succeeded["training_loss"], succeeded["score"])
    return found, found.p_beyond(HARM, "below"), found.p_beyond(0.0, "above")


def loss_score_correlation(table: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """:func:`loss_score` of each task and model of the table of :func:`generalization_table`.

    Returns:
        Columns ``CORRELATION_COLUMNS``. ``p`` is small if a low loss is shown to be harmless, ``p_against`` if it is shown to
        do harm, both one-sided and not corrected, as in the ledger of claims. NaN with too few successful runs; ``missing``
        says so.
    """
    rows = []
    for (task, model), part in table.groupby(["task", "model"], sort=False):
        found, p, p_against = loss_score(part)
        too_few = found.n < SMALLEST_CORRELATION
        missing = f"fewer than {SMALLEST_CORRELATION} successful runs" if too_few else ""
        missing = missing or ("all losses or all scores are equal" if pd.isna(found.effect) else "")
        interval = found.interval(confidence)
        rows.append((task, model, found.n, found.effect, *interval, p, p_against, confidence, missing))
    return pd.DataFrame(rows, columns=list(CORRELATION_COLUMNS))
