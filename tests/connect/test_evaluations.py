"""Evaluations of a watched Trainer: of the weights that are the result, and of every split."""

from __future__ import annotations

import pytest
from tests.connect.made import ROWS, Rows, rows, watched

import seedproof as sp
from seedproof.store import Store


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


def test_the_set_called_dev_judges_and_each_has_the_outputs_of_its_own_examples(tmp_path):
    """Neither the order in which sets are given nor one called train mixes them up."""
    given = {"test": Rows(ROWS[:6]), "train": Rows(ROWS[:4]), "validation": Rows(ROWS[:10])}
    watched(tmp_path, dev=given, eval_strategy="steps", eval_steps=2)
    [row] = rows(tmp_path)
    logits = sp.open_results(tmp_path / "store").logits(row["run"])
    assert {name: len(each) for name, each in logits.items()} == {"dev": 10, "test": 6, "eval_train": 4}
    assert Store.open(tmp_path / "store").run(row["run"]).spec.task.train_examples == len(ROWS)


@pytest.mark.parametrize("changed", [{"max_steps": 4}, {"max_steps": -1, "num_train_epochs": 1.5}])
def test_the_steps_of_an_epoch_are_those_of_a_whole_pass(tmp_path, changed):
    """24 rows in batches of 8, whose last epoch is cut."""
    watched(tmp_path, **changed)
    [row] = rows(tmp_path)
    assert Store.open(tmp_path / "store").run(row["run"]).result()["steps_per_epoch"] == 3
