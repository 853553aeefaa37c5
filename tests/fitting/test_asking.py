"""What a fit is asked for, beside the study that may be there already."""

from __future__ import annotations

import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.fitting.asking import request
from seedproof.fitting.deciding import Decision
from seedproof.models.source import find_model
from seedproof.tasks import load_task

REST = ("recipe", "methods", "settings", "seeds", "race", "budget", "engine", "precision", "device", "threads")


@pytest.fixture
def asked(tmp_path, tiny_model):
    """A function that asks for a fit of one table, into one folder, by some metric."""
    rows = [{"text": f"text {row}", "label": "ab"[row % 2]} for row in range(20)]
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    rest = dict.fromkeys(REST) | {"recipe": "mosbach", "methods": [], "settings": {"max_steps": 2}, "seeds": 1}

    def ask(metric=None):
        task = load_task(tmp_path / "rows.csv", text="text", label="label", metric=metric)
        return request(tmp_path / "model", task, find_model(str(tiny_model)), metric=metric, **rest)

    return ask


@pytest.mark.parametrize(("first", "other"), [(None, "macro_f1"), ("macro_f1", "accuracy")])
def test_a_fit_that_goes_on_has_the_metric_of_its_study_in_every_number(asked, first, other):
    """Outcomes and scores come from the study, intervals from the task: two metrics would mix on the card."""
    begun = asked(first)
    begun.study(Decision(settings={"max_steps": 2}, seeds=1)).prepare(begun.folder)
    assert asked().task.metric == begun.task.metric
    assert asked(begun.task.metric).task.metric == begun.task.metric
    with pytest.raises(UserError, match=rf"judges 'rows' by {begun.task.metric}.*leave out the metric '{other}'"):
        asked(other)
