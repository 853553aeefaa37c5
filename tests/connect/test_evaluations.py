"""Evaluations of a watched Trainer: of the weights that are the result, and of every split."""

from __future__ import annotations

from tests.connect.made import ROWS, Rows, rows, watched

import seedproof as sp


def test_weights_that_nobody_evaluated_are_evaluated_at_the_end(tmp_path):
    watched(tmp_path)
    assert rows(tmp_path)[0]["evaluated_step"] == 4


def test_the_best_weights_are_the_result_where_the_trainer_loads_them(tmp_path):
    settings = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1}
    made = watched(tmp_path, load_best_model_at_end=True, metric_for_best_model="eval_loss", **settings)
    [row] = rows(tmp_path)
    assert row["evaluated_step"] == made.state.best_global_step


def test_several_development_sets_are_the_splits_of_the_task(tmp_path):
    watched(
        tmp_path, dev={"matched": Rows(ROWS[:10]), "Other one": Rows(ROWS[4:10])}, eval_strategy="steps", eval_steps=2
    )
    results = sp.open_results(tmp_path / "store")
    assert {name: len(logits) for name, logits in results.logits(results.runs()["run"][0]).items()} == {
        "dev": 10,
        "other_one": 6,
    }
