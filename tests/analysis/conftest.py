"""Small tables of runs with scores one can check by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest


@pytest.fixture
def make_runs() -> Callable[..., pd.DataFrame]:
    """One run per score, judged by majority .5: None is not finished, NaN diverged, the rest as the definition says."""

    def make(scores: list[float | None], **columns: Any) -> pd.DataFrame:
        rows = []
        for seed, score in enumerate(scores):
            row = {"task": "glue/rte", "model": "bert", "recipe": "devlin", "seed": str(seed)} | columns
            if score is None:
                row |= {"state": "interrupted", "outcome": None, "reason": None, "metric": None, "majority": math.nan}
            else:
                reason = "diverged" if math.isnan(score) else None if score > 0.5 else "majority"
                outcome = "failed" if reason else "succeeded"
                row |= {
                    "state": "finished",
                    "outcome": outcome,
                    "reason": reason,
                    "metric": "accuracy",
                    "majority": 0.5,
                }
            rows.append(row | {"run": f"{row['recipe']}-{seed}", "score": math.nan if score is None else score})
        return pd.DataFrame(rows)

    return make
