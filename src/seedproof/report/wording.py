"""What every format of the summary says in the same words: numbers, intervals, captions and notes.

A table of statistics is only readable with its definitions, so the caption states the divisor, the kind of each
interval and the denominator, and a note stands beside every number that does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import pandas as pd

from seedproof.errors import UserError

UNDEFINED = "nan"
"""How a statistic that does not exist is written, in every format but JSON."""


def number(value: float) -> str:
    """A score in three decimals; a score that does not exist is ``nan``, never a blank."""
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"


def statistic(row: dict[str, Any], name: str) -> str:
    """A statistic of a cell: a dash where too few runs define it, ``nan`` where a diverged run leaves it undefined."""
    value = float(row[name])
    return "–" if math.isnan(value) and (name.startswith("succeeded_") or not row["diverged"]) else number(value)


def with_interval(row: dict[str, Any], name: str, joint: str = " ") -> str:
    """A statistic and behind it its interval; one dash where there is neither."""
    value, bounds = statistic(row, name), interval(row[f"{name}_low"], row[f"{name}_high"])
    return value if value == bounds else value + joint + bounds


def interval(low: float, high: float) -> str:
    """``[low, high]`` in three decimals; a dash where the interval is not defined."""
    return "–" if math.isnan(low) or math.isnan(high) else f"[{low:.3f}, {high:.3f}]"


def rate_interval(low: float, high: float) -> str:
    """The interval of a failure rate, in percent."""
    return f"[{100 * low:.0f}, {100 * high:.0f}] %"


def percent(confidence: float) -> str:
    """``0.95`` as ``95 %``."""
    return f"{100 * confidence:g} %"


def caption(summary: pd.DataFrame) -> str:
    """The definitions that the numbers of ``summary`` need."""
    settings = settings_of(summary)
    confidence = percent(settings["confidence"])
    return (
        f"Score: on the development set at the end of training. Failed: not better than the majority score, or "
        f"diverged (non-finite loss); of all finished runs, with Wilson's {confidence} interval. SD: divided by "
        f"{settings['sd_divisor']}. Intervals of mean and SD: {confidence}, BCa bootstrap over runs, "
        f"{settings['resamples']:,} resamples; a dash where it is not defined (fewer than two values, or all equal)."
    )


def settings_of(summary: pd.DataFrame) -> dict[str, Any]:
    """Divisor, confidence and resamples of a summary.

    Raises:
        UserError: the summary has no row.
    """
    if summary.empty:
        raise UserError("the summary has no row: the study has no runs yet")
    first = summary.iloc[0]
    return {name: first[name] for name in ("sd_divisor", "confidence", "resamples")}


def title(rows: pd.DataFrame) -> str:
    """One line over the recipes of one task and model."""
    judged = rows[rows["metric"].notna()]
    text = f"{rows['task'].iloc[0]}, {rows['model'].iloc[0]}"
    return (
        text if judged.empty else f"{text}: {judged['metric'].iloc[0]}, majority {number(judged['majority'].iloc[0])}"
    )


def panels(summary: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of one task and model after the other, in the order of the summary."""
    for _, rows in summary.groupby(["task", "model"], sort=False):
        yield rows


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries by column."""
    return cast("list[dict[str, Any]]", rows.to_dict("records"))


def notes(rows: pd.DataFrame) -> list[str]:
    """A sentence for each cell whose numbers are incomplete: unfinished runs, diverged runs."""
    texts = []
    for row in records(rows):
        unfinished = row["runs"] - row["finished"]
        if unfinished:
            texts.append(f"{row['recipe']}: {unfinished} of {row['runs']} runs not finished, in no statistic")
        if row["diverged"]:
            count = f"{row['diverged']} diverged run{'s' if row['diverged'] > 1 else ''}"
            texts.append(f"{row['recipe']}: {count} without a score, so no mean, SD, median or maximum of all runs")
    return texts


def given_success(row: dict[str, Any]) -> str:
    """The label of the row of statistics over the runs that succeeded."""
    few = {0: "none succeeded", 1: "the one that succeeded"}
    return few.get(row["succeeded"], f"the {row['succeeded']} that succeeded")


def every_run(row: dict[str, Any], mark: str) -> list[str]:
    """The value of every finished run of a cell in the order of its seeds, failed ones with ``mark`` behind."""
    return [
        number(value) + ("" if outcome == "succeeded" else mark)
        for value, outcome in zip(row["values"], row["outcomes"], strict=True)
    ]
