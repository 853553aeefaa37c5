"""Table 1 has every metric of every task, whatever became of the runs."""

from __future__ import annotations

import json

import pandas as pd

from seedproof.paper.table1 import _metrics


def test_a_task_whose_runs_all_diverged_has_its_metrics_without_a_number():
    """No run has a score then, so the table of runs has no column for it: the whole table was not made."""
    row = {
        "task": "t",
        "recipe": "devlin",
        "state": "finished",
        "metric": "matthews",
        "positive_class": None,
        "majorities": json.dumps({"matthews": 0.0}),
    }
    [found] = _metrics(pd.DataFrame([row, row])).to_dict("records")
    assert (found["metric"], found["runs"], found["majority"]) == ("matthews", 2, 0.0)
    assert pd.isna([found[name] for name in ("mean", "median", "maximum", "sd", "sd_n")]).all()
