"""A study of two recipes on two tasks with everything that can go wrong in it, and hostile names."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from seedproof.analysis import runs_table, summarize

HOSTILE = "a|b_c&50%$#{x}~^[red]"
SCORES: dict[tuple[str, str], list[float | None]] = {
    ("glue/rte", "devlin"): [0.5, 0.8, 0.6, 0.7],
    ("glue/rte", HOSTILE): [0.5, math.nan, 0.625, None],
    ("glue/cola", "devlin"): [0.9, 0.9, 0.9, 0.9],
    ("glue/cola", HOSTILE): [None, None, None, None],
}


@pytest.fixture
def runs() -> pd.DataFrame:
    """Four runs a cell, majority .5; None is not finished, NaN diverged."""
    cells, results = [], {}
    for (task, recipe), scores in SCORES.items():
        for seed, score in enumerate(scores):
            run = f"{task}-{recipe}-{seed}"
            cells.append(SimpleNamespace(task=task, model="bert", recipe=recipe, seed=str(seed), id=run))
            if score is not None:
                results[run] = _result(score)
    return runs_table(cells, results, {})


def _result(score: float) -> dict[str, Any]:
    reason = "diverged" if math.isnan(score) else None if score > 0.5 else "majority"
    outcome = "failed" if reason else "succeeded"
    return {"outcome": outcome, "reason": reason, "metric": "accuracy", "score": score, "majority": 0.5}


@pytest.fixture
def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Its summary."""
    return summarize(runs, resamples=200)
