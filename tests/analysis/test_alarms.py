"""Rules that stop runs early, counted on finished runs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from tests.conftest import REPOSITORY

import seedproof as sp
from seedproof.alarms import Alarm, Signals, Stuck
from seedproof.analysis import alarm_rates, alarm_table, halving_table


def runs(*outcomes, steps=100):
    count = len(outcomes)
    return pd.DataFrame(
        {
            **{name: ["same"] * count for name in ("task", "model", "recipe", "kind")},
            "metric": ["accuracy"] * count,
            "seed": [str(number) for number in range(count)],
            "run": [f"r{number}" for number in range(count)],
            "outcome": outcomes,
            "steps": pd.array([steps] * count, "Int64"),
        }
    )


class Above(Alarm):
    def see(self, signals):
        return "its loss is above 1" if signals.loss > 1 else None


def test_the_table_has_the_first_alarm_of_each_run_that_was_seen():
    def losses(*values):
        signals = {"steps": 3, "reference_loss": 1.0, "names": []}
        return [Signals(step=step, loss=loss, **signals) for step, loss in enumerate(values, start=1)]

    signals = {"r0": losses(1, 2, 3), "r1": losses(0, 0, 0)}
    table = alarm_table(runs("failed", "succeeded", "failed"), signals, Above)
    assert table[["run", "alarm", "because"]].values.tolist() == [
        ["r0", 2, "its loss is above 1"],
        ["r1", pd.NA, pd.NA],
    ]


def test_rates_are_those_of_a_count_by_hand():
    table = runs("failed", "failed", "succeeded", "succeeded", "succeeded", "stopped")
    rates = alarm_rates(table.assign(alarm=pd.array([20, None, 60, None, None, 10], "Int64")))
    assert (rates["failed"], rates["succeeded"], rates["right"], rates["false"]) == (2, 3, 1, 1)
    assert (rates["recall"], rates["precision"], rates["lead"]) == (0.5, 0.5, 0.8)
    assert rates["saved"] == pytest.approx((80 + 40) / 500)
    assert rates["possible"] == pytest.approx(2 / 5)


def test_no_false_alarm_leaves_a_rate_of_a_hundredth_with_368_runs():
    fewer, enough = (
        alarm_rates(runs(*["succeeded"] * count).assign(alarm=pd.array([None] * count, "Int64")))
        for count in (367, 368)
    )
    assert enough["false_high"] == pytest.approx(1 - 0.025 ** (1 / 368))
    assert enough["false_high"] < 0.01 < fewer["false_high"]
    assert math.isnan(enough["recall"])


def test_dodges_rule_keeps_the_better_half_of_a_cell_by_the_best_score_so_far():
    scores = pd.DataFrame(
        [
            {"run": run, "step": step, "metric": "accuracy", "score": score}
            for run, so_far in {"r0": (0.9, 0.5), "r1": (0.6, 0.7), "r2": (0.5, 0.5)}.items()
            for step, score in zip((25, 50), so_far, strict=True)
        ]
        + [{"run": "r2", "step": 75, "metric": "accuracy", "score": 1.0}]
    )
    table = halving_table(runs("succeeded", "succeeded", "failed"), scores, 0.5)
    assert table[["run", "alarm"]].dropna().values.tolist() == [["r2", 50]]
    assert len(table) == 3
    assert halving_table(runs("succeeded"), scores, 0.1).empty


def test_results_say_what_a_rule_would_have_said_of_a_study():
    results = sp.open_results(REPOSITORY / "tests" / "assets" / "first" / "plain")
    finished = results.runs().query("state == 'finished'")
    table = results.alarms(Stuck)
    assert set(table["run"]) == set(finished["run"])
    assert table["alarm"].dtype == "Int64"
    assert np.array_equal(table["alarm"].isna(), table["because"].isna())
