"""What every format of the summary says in the same words: numbers, intervals, captions and notes.

A table of statistics is only readable with its definitions, so the caption states the divisor, the kind of each
interval and the denominator, and a note stands beside every number that does not exist.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pandas as pd

from seedproof.analysis.endings import KINDS, remedies
from seedproof.analysis.summary import SMALLEST_DEVIATION, SMALLEST_OVER_ALL
from seedproof.errors import UserError
from seedproof.printable import printable_line
from seedproof.store.checked import STOPPED
from seedproof.tasks.metrics import title_of

NEAR = "≈"
"""Mark behind a score that succeeded and cannot be told from the majority score."""
_NEAR_MEANS = (
    f"{NEAR} succeeded, but its 95 % interval over development sets of this size covers the majority score (Wilson's for "
    "accuracy, Fisher's z for correlations, DeLong's for AUROC, else a bootstrap over the examples)."
)
UNDEFINED = "nan"
"""How a statistic that does not exist is written, in every format but JSON."""

MOST_NAMES = 3
"""Recipes that a note names; of more it says how many."""


def number(value: float) -> str:
    """A score in three decimals; a score that does not exist is ``nan``, never a blank."""
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"


def would_decide(row: Mapping[Any, Any]) -> str:
    """What an undecided claim lacks: how many seeds or runs, and how many worker hours more where a reproduction says."""
    hours = row.get("hours_needed", math.nan)
    more = "" if pd.isna(hours) else f", {hours:.2g} worker hours more"
    return f"{row['n_needed']:g} would decide{more}"


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


def failed(row: dict[str, Any], joint: str = " ") -> str:
    """The failed runs of a cell and the interval of its failure rate; a dash where no run has finished."""
    if not row["finished"]:
        return "–"
    counts = f"{row['failed']} of {row['finished']}"
    if row.get("stopped"):
        return f"{counts}{joint}({row['stopped']} stopped)"
    return f"{counts}{joint}{rate_interval(row['failure_low'], row['failure_high'])}"


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
        f"{settings['sd_divisor']}. Intervals of mean and SD, {confidence}: of the runs that succeeded Student's t and "
        f"chi-square; of all runs BCa bootstrap ({settings['resamples']:,} resamples), or the same where none failed. A "
        f"dash where there is none: an interval over all runs needs {SMALLEST_OVER_ALL} runs, any other and an SD "
        f"{SMALLEST_DEVIATION}, and scores that are not all equal."
        + (f" {_NEAR_MEANS}" if summary["covers_majority"].any() else "")
    )


def metric_title(name: object, positive_class: str | None = None) -> str:
    """What people call a metric; F1 with its class, where that is known."""
    return printable_line(title_of(str(name), positive_class))


_IN_WORDS = {
    "bias_correction=True": "with bias correction",
    "bias_correction=False": "without bias correction",
    "segment_ids=True": "with segment ids",
    "segment_ids=False": "without segment ids",
    "select=best": "best weights kept",
    "epochs=1": "1 epoch",
    "epochs": "{} epochs",
    "max_steps=1": "1 step",
    "max_steps": "{} steps",
    "batch_size": "batches of {}",
    "learning_rate_factor": "learning rate × {}",
}


_SETTING = r"[\w.:-]+=(?:\"[^\"]*\"|[^\",()]*)"
_SETTINGS = re.compile(rf"(?<=\S)\(({_SETTING}(?:,\s*{_SETTING})*)\)")


def recipe_in_words(label: str) -> str:
    """A recipe's label as a figure says it: the settings of the recipe and of each of its methods, all else as it is.

    >>> recipe_in_words("devlin(bias_correction=True, epochs=10, dropout=0.1)")
    'devlin, with bias correction, 10 epochs, dropout 0.1'
    >>> recipe_in_words("mosbach(epochs=10) + llrd(decay=0.9) + ema")
    'mosbach, 10 epochs + llrd, decay 0.9 + ema'
    """
    return _SETTINGS.sub(_settings_in_words, label)


def _settings_in_words(match: re.Match[str]) -> str:
    parts = [""]
    for setting in re.findall(_SETTING, match[1]):
        name, _, value = setting.partition("=")
        known = _IN_WORDS.get(setting.replace("'", "")) or _IN_WORDS.get(name, f"{name.replace('_', ' ')} {{}}")
        parts.append(known.format(value))
    return ", ".join(parts)


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
    return text if judged.empty else f"{text}: {metric(judged)}, majority {number(judged['majority'].iloc[0])}"


def metric(rows: pd.DataFrame) -> str:
    """What people call the metric of the first of these rows, F1 with its class; "score" where none is judged."""
    judged = rows[rows["metric"].notna()]
    if judged.empty:
        return "score"
    first = judged.iloc[0]
    return metric_title(first["metric"], first.get("positive_class"))


def panels(summary: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of one task and model after the other, in the order of the summary."""
    for _, rows in summary.groupby(["task", "model"], sort=False):
        yield rows


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries by column."""
    return cast("list[dict[str, Any]]", rows.to_dict("records"))


def notes(rows: pd.DataFrame) -> list[str]:
    """What limits the numbers of a panel: stopped and unfinished runs, diverged runs, too few, failures that were not seen."""
    texts = []
    for row in records(rows):
        if stopped := row.get("stopped", 0):
            texts.append(
                f"{row['recipe']}: {stopped} of {row['runs']} runs were stopped before their end, in no statistic; the others "
                "were selected, so there is no failure rate of the recipe, and no interval of its mean or SD"
            )
        unfinished = row["runs"] - row["finished"] - stopped
        if unfinished:
            texts.append(f"{row['recipe']}: {unfinished} of {row['runs']} runs not finished, in no statistic")
        if row["diverged"]:
            count = f"{row['diverged']} diverged run{'s' if row['diverged'] > 1 else ''}"
            texts.append(f"{row['recipe']}: {count} without a score, so no mean, SD, median or maximum of all runs")
    return texts + _few(rows) + _unseen(rows)


def advice(rows: pd.DataFrame) -> list[str]:
    """What to change where the runs of a panel did not end as they should, a sentence per recipe and kind of ending.

    Of runs whose ending is unknown there is one for all recipes: it is about the records.
    """
    told = [(row["recipe"], remedies(row | {"unknown": 0}, row["finished"])) for row in records(rows)]
    untold = remedies({"unknown": rows["unknown"].sum()}, int(rows["finished"].sum()))
    return [f"{recipe}: {remedy}" for recipe, found in told for remedy in found] + untold


def _few(rows: pd.DataFrame) -> list[str]:
    rows = _sampled(rows)
    few = rows[(rows["finished"] > 0) & (rows["finished"] < SMALLEST_OVER_ALL) & (rows["diverged"] == 0)]
    if few.empty:
        return []
    return [
        f"{_named(few)}: fewer than {SMALLEST_OVER_ALL} runs, too few for an interval of mean and SD over all runs, failed "
        "ones included"
    ]


def _unseen(rows: pd.DataFrame) -> list[str]:
    """Note that failures which no seed has shown are in no mean, SD or interval; one sentence for cells of one size."""
    rows = _sampled(rows)
    spotless = rows[(rows["failed"] == 0) & (rows["finished"] > 0)]
    sizes = [(int(part["finished"].iloc[0]), part) for _, part in spotless.groupby("finished", sort=False)]
    return [
        f"{_named(cells)}: no failure seen in {count} run{'s' if count > 1 else ''}, but by Wilson's interval up to "
        f"{100 * cells['failure_high'].iloc[0]:.0f} % may fail; mean, SD and their intervals leave that out"
        for count, cells in sizes
    ]


def _sampled(rows: pd.DataFrame) -> pd.DataFrame:
    """The cells of which no run was stopped: the runs of the others are no sample."""
    return rows[rows["stopped"] == 0] if "stopped" in rows else rows


def _named(rows: pd.DataFrame) -> str:
    names = list(rows["recipe"])
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} recipes"


def why_missing(row: dict[str, Any], name: str) -> str:
    """Why the statistic ``name`` of a cell does not exist."""
    if not row["finished"]:
        return "no run has finished"
    if row.get("stopped") and (name.startswith("failure_") or name.endswith(("_low", "_high"))):
        return f"{row['stopped']} runs were stopped before their end, and the others were selected"
    given_success = name.startswith("succeeded_")
    if row["diverged"] and not given_success:
        return f"runs without a score because they diverged: {row['diverged']}"
    runs, what = (row["succeeded"], "runs that succeeded") if given_success else (row["finished"], "runs")
    if not runs:
        return "no run succeeded"
    is_interval = name.endswith(("_low", "_high"))
    smallest = SMALLEST_OVER_ALL if is_interval and not given_success else SMALLEST_DEVIATION
    if runs < smallest:
        return f"needs {smallest} {what}, and there {'is' if runs == 1 else 'are'} {runs}"
    return "all scores are equal"


def given_success(row: dict[str, Any]) -> str:
    """The label of the row of statistics over the runs that succeeded."""
    few = {0: "none succeeded", 1: "the one that succeeded"}
    return few.get(row["succeeded"], f"the {row['succeeded']} that succeeded")


def every_run(row: dict[str, Any], mark: str, near: str = NEAR) -> list[str]:
    """The value of every finished run of a cell in the order of its seeds, with ``mark`` behind one that failed, and
    ``near`` behind one that succeeded with a score whose interval covers the majority score."""
    return [
        number(value) + ((near if covers else "") if outcome == "succeeded" else mark)
        for value, outcome, covers in zip(row["values"], row["outcomes"], row["covering"], strict=True)
    ]


def endings(row: dict[str, Any]) -> str:
    """How many runs of a cell ended in each way, behind their values: `` (23 fitted, 2 collapsed)``."""
    counts = ", ".join(f"{row[kind]} {kind}" for kind in (*KINDS, STOPPED) if row.get(kind))
    return f" ({counts})" if counts else ""
