"""The table that every analysis starts from: one row per run of a study, made from what the store holds.

Pure functions of plain records: nothing is read from disk here. A run that is not finished has a row with its state and
no numbers. A diverged run has no score at the end of training, so its score is NaN, and it stays in the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Protocol

import numpy as np
import pandas as pd

from seedproof.store.checked import STOPPED

TEXT_COLUMNS = (
    *("task", "model", "recipe", "seed", "run", "state", "outcome", "reason", "metric"),
    *("kind", "positive_class"),
)
"""Always there, in this order, first. Missing is None."""
SCORE_COLUMNS = ("score", "score_low", "score_high", "majority")
"""Always there. Missing is NaN. ``score_low`` and ``score_high`` are the 95 % interval of a run's score over development
sets of its size (:mod:`seedproof.tasks.uncertainty`)."""
COVERS = "covers_majority"
"""Always there: whether a run succeeded with a score whose interval covers the majority score."""
LOSS_COLUMN = "training_loss"
COUNT_COLUMNS = ("steps", "evaluated_step", "diverged_at", "truncated_examples")
"""Always there, nullable integers."""
RECORD_COLUMNS = ("missing_parameters", "recordings", "class_scores", "ending")
"""Always there, nested records as JSON text. Missing is None."""
EXECUTION = "execution_"
"""Begins the name of every column that may differ between two executions of the same run."""

_FIXED = {*TEXT_COLUMNS, *SCORE_COLUMNS, COVERS, LOSS_COLUMN, *COUNT_COLUMNS, *RECORD_COLUMNS}


def came_to_end(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that are finished and were not stopped before their end by a rule: those that statistics are about.

    A stopped run has neither succeeded nor failed, and those that went on were selected: whoever leaves runs out says so.
    """
    return runs[(runs["state"] == "finished") & ~is_stopped(runs)]


def is_stopped(runs: pd.DataFrame) -> pd.Series[bool]:
    """Whether each run was stopped before its end by a rule, (rows,)."""
    return runs["outcome"] == STOPPED


def has_recorded(runs: pd.DataFrame, name: str) -> np.ndarray:
    """Whether each run of the table has a recording, bool (rows,)."""
    found = [isinstance(text, str) and name in json.loads(text) for text in runs["recordings"]]
    return np.array(found, bool)


class CellLike(Protocol):
    """What a study planned: the names under which a run appears (``seedproof.store.Cell`` is one)."""

    @property
    def task(self) -> str:
        """Name of the task."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def recipe(self) -> str:
        """Label of the recipe."""

    @property
    def seed(self) -> str:
        """Label of the seeds, ``"7"`` or ``"head/order/dropout"``."""

    @property
    def id(self) -> str:
        """Id of the run."""


def runs_table(
    cells: Iterable[CellLike], results: Mapping[str, Mapping[str, Any]], states: Mapping[str, Any]
) -> pd.DataFrame:
    """One row per planned run.

    Args:
        cells: what the study planned. Two cells may name the same run; each has its row.
        results: the content of ``result.json`` by run id, for the finished runs.
        states: state of each run by its id, a word or an enumeration of words; a run without one is pending. A run
            with a result is finished whatever its state says (it may have ended between two looks at the store).

    Returns:
        Columns ``TEXT_COLUMNS``, ``SCORE_COLUMNS``, ``covers_majority``, one per metric, ``training_loss``, ``COUNT_COLUMNS``,
        ``RECORD_COLUMNS``, whatever else the results hold, and ``execution_...``. Cells keep their order of first
        appearance; inside a cell runs are in the numeric order of their seeds.

    Raises:
        ValueError: a run is said to be finished but its result is not given.
    """
    rows = [_row(cell, results.get(cell.id), states) for cell in _in_order(cells)]
    metrics = dict.fromkeys(name for result in results.values() for name in result.get("metrics", {}))
    others = dict.fromkeys(name for row in rows for name in row if name not in _FIXED and name not in metrics)
    execution = [name for name in others if name.startswith(EXECUTION)]
    plain = [name for name in others if not name.startswith(EXECUTION)]
    data: dict[str, Any] = {name: _column(rows, name, "object") for name in TEXT_COLUMNS}
    data |= {name: _column(rows, name, "float64") for name in SCORE_COLUMNS}
    covers = (data["outcome"] == "succeeded") & (data["score_low"] <= data["majority"])
    data |= {COVERS: covers} | {name: _column(rows, name, "float64") for name in (*metrics, LOSS_COLUMN)}
    data |= {name: _column(rows, name, "Int64") for name in COUNT_COLUMNS}
    data |= {name: _column(rows, name, "object") for name in RECORD_COLUMNS}
    data |= {name: _column(rows, name, "object").infer_objects() for name in (*plain, *execution)}
    return pd.DataFrame(data)


def seed_order(label: object) -> tuple[int, ...]:
    """Sort key of a seed's label: by number, ``"10"`` after ``"9"`` and ``"1/7/7"`` after ``"1"``."""
    return tuple(int(part) for part in str(label).split("/"))


def _in_order(cells: Iterable[CellLike]) -> list[CellLike]:
    listed = list(cells)
    first: dict[tuple[str, str, str], int] = {}
    for cell in listed:
        first.setdefault((cell.task, cell.model, cell.recipe), len(first))
    return sorted(listed, key=lambda cell: (first[cell.task, cell.model, cell.recipe], seed_order(cell.seed)))


def _row(cell: CellLike, result: Mapping[str, Any] | None, states: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"task": cell.task, "model": cell.model, "recipe": cell.recipe, "seed": cell.seed}
    row["run"] = cell.id
    if result is None:
        state = states.get(cell.id, "pending")
        row["state"] = str(state.value if isinstance(state, Enum) else state)
        if row["state"] == "finished":
            raise ValueError(f"run {cell.id} is finished but its result was not given")
        return row
    nested = ("metrics", "execution", *RECORD_COLUMNS)
    row |= {"state": "finished"} | {name: _flat(value) for name, value in result.items() if name not in nested}
    if row.get("reason") == "diverged":
        row["score"] = None  # the score at the end of training: there was no end of training
    row |= {name: _json(result[name]) for name in RECORD_COLUMNS if name in result}
    return row | dict(result.get("metrics", {})) | _execution(result.get("execution", {}), EXECUTION)


def _execution(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """``{"versions": {"torch": ...}}`` becomes ``execution_versions_torch``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _execution(value, f"{prefix}{name}_") if isinstance(value, Mapping) else {prefix + name: _flat(value)}
    return flat


def _flat(value: Any) -> Any:
    return _json(value) if isinstance(value, (Mapping, list, tuple)) else value


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _column(rows: list[dict[str, Any]], name: str, dtype: Any) -> pd.Series[Any]:
    return pd.Series([row.get(name) for row in rows], dtype=dtype)
