"""Box plots of a figure: every run drawn, a box per recipe, with names that fit under a box."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def boxes(runs: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The table of :func:`seedproof.report.boxplot.box_plot_table`, recipes called by ``names`` where they have one.

    Empty where there is no run.
    """
    import pandas as pd

    from seedproof.report.boxplot import COLUMNS, box_plot_table

    if runs.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    renamed = runs.assign(recipe=[(names or {}).get(recipe, recipe) for recipe in runs["recipe"]])
    return box_plot_table(renamed)


def draw_boxes(table: pd.DataFrame, path: Path) -> list[Path]:
    """Draw the table of :func:`boxes`; nothing where no run is finished."""
    from seedproof.report.boxplot import draw_box_plot

    return [draw_box_plot(table, path)] if len(table) and table["seed"].notna().any() else []


def failures(runs: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Failures and scores of each cell: the summary without its per-run columns.

    ``sd`` is divided by n - 1 and ``sd_n`` by n, which is what the paper's published numbers match.
    """
    import pandas as pd

    from seedproof.analysis import summarize

    if runs.empty:
        return pd.DataFrame()
    summary = summarize(runs)
    kept = [
        "task",
        "model",
        "recipe",
        "metric",
        "majority",
        "runs",
        "finished",
        "failed",
        "diverged",
        "failure_rate",
        "failure_low",
        "failure_high",
        "mean",
        "mean_low",
        "mean_high",
        "median",
        "maximum",
        "minimum",
        "sd",
        "sd_low",
        "sd_high",
        "succeeded",
        "succeeded_mean",
        "succeeded_sd",
    ]
    table = summary[kept].copy()
    table.insert(kept.index("sd") + 1, "sd_n", summarize(runs, divisor="n", resamples=1)["sd"].to_numpy())
    table["recipe"] = [(names or {}).get(recipe, recipe) for recipe in table["recipe"]]
    return table
