"""The list of a study's runs, from which every other command's ``--run`` can be taken."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seedproof.analysis.endings import KINDS
from seedproof.cli.quantities import runs_in_words
from seedproof.cli.streams import say
from seedproof.errors import unknown
from seedproof.report.wording import NEAR
from seedproof.store.cells import Cell
from seedproof.store.checked import STOPPED
from seedproof.store.names import base_of
from seedproof.store.references import shortest_names
from seedproof.store.state import State

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.study.results import Results

COLUMNS = [
    "run",
    "name",
    "task",
    "model",
    "recipe",
    "seed",
    "state",
    "outcome",
    "reason",
    "kind",
    "metric",
    "positive_class",
    "score",
    "score_low",
    "score_high",
    "majority",
    "covers_majority",
    "stopped_at",
    "stopped_score",
    "stopped_because",
    "alarm_because",
    "alarm_at",
]
"""Columns of a list that is not for a terminal."""


def chosen_runs(results: Results, wanted: Mapping[str, Sequence[str] | None]) -> pd.DataFrame:
    """The runs of a study that fit, with ``name``, the shortest that points at each.

    Args:
        results: of the study.
        wanted: values by column; None or none of them: all. An outcome may also be the way in which a run failed or its
            kind, and a recipe a named one, which stands for the same with settings.

    Raises:
        UserError: the study has no such value.
    """
    runs = results.runs()
    names = ("task", "model", "recipe", "seed")
    cells = [
        Cell(**dict(zip(names, row, strict=True)), id=run)
        for *row, run in runs[[*names, "run"]].itertuples(index=False)
    ]
    runs["name"] = shortest_names(cells)
    chosen = runs
    for column, values in wanted.items():
        if values:
            meant = set().union(*(_meant(runs, column, value) for value in values))
            is_meant = chosen[column].isin(meant)
            if column == "outcome":
                is_meant |= chosen["reason"].isin(meant) | chosen["kind"].isin(meant)
            chosen = chosen[is_meant]
    return chosen


def print_runs(runs: pd.DataFrame, form: str) -> None:
    """Print runs as a table, CSV or JSON."""
    from seedproof.store import table_text

    shown = runs.reindex(columns=COLUMNS)
    if form == "json":
        sys.stdout.write(shown.to_json(orient="records", indent=2, force_ascii=False) + "\n")
    elif form == "csv":
        sys.stdout.write(table_text(shown))
    elif shown.empty:
        say("no run fits", err=True)
    else:
        _print_table(shown)


def _print_table(runs: pd.DataFrame) -> None:
    """A line per run below a line per task and model; the name stands last, where nothing has to be cut."""
    for (task, model), rows in runs.groupby(["task", "model"], sort=False):
        say(f"{task}, {model}")
        lines = [(row["run"], _outcome(row), _score(row), shlex.quote(row["name"])) for row in rows.to_dict("records")]
        width = max(len(line[1]) for line in lines)
        for run, outcome, score, name in lines:
            say(f"  {run}  {outcome:<{width}}  {score:>7} {name}")
    if runs["covers_majority"].any():
        say(f"{NEAR} the score's 95 % interval covers the majority score", err=True)
    say(f"{runs_in_words(len(runs))}; --run takes an id, its first digits, or the name at the end", err=True)


def _meant(runs: pd.DataFrame, column: str, value: str) -> set[str]:
    """The values of a column that ``value`` stands for.

    Raises:
        UserError: no run of any study has it, or it names nothing in this one.
    """
    fixed = {
        "outcome": ["succeeded", "failed", "majority", "diverged", *KINDS, STOPPED, "race", "alarm"],
        "state": [str(state) for state in State],
    }
    allowed = fixed.get(column) or list(dict.fromkeys(runs[column]))
    alike = {name for name in allowed if base_of(name) == value} if column == "recipe" else set()
    if value not in allowed and not alike:
        raise unknown(column, value, allowed, where="" if column in fixed else "this study")
    return {value} if value in allowed else alike


def _outcome(row: Mapping[Any, Any]) -> str:
    if row["state"] != "finished":
        return str(row["state"])
    said = f"{row['outcome']} ({row['reason']})" if row["reason"] else str(row["outcome"])
    if row["outcome"] == STOPPED:
        had = "" if math.isnan(row["stopped_score"]) else f", then {row['stopped_score']:.3f}"
        said += f" at step {row['stopped_at']:.0f}{had}"
    said += "" if row["kind"] in (None, "fitted", "unknown") else f", {row['kind']}"
    is_told = isinstance(row["alarm_because"], str) and row["reason"] != "alarm"
    return f"{said}, alarm at step {row['alarm_at']:.0f}" if is_told else said


def _score(row: Mapping[Any, Any]) -> str:
    if row["score"] is None or math.isnan(row["score"]):
        return "– "
    return f"{row['score']:.3f}{NEAR if row['covers_majority'] else ' '}"
