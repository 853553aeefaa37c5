"""The table of runs of a store: completed for results of an earlier version, and judged by another metric."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.store import Store
from seedproof.study.results import open_results
from seedproof.tasks import Task

STORE = Path(__file__).parent.parent / "assets" / "first" / "plain"


@pytest.fixture
def store(tmp_path) -> Store:
    """A store of the first version, whose results know neither intervals nor endings."""
    shutil.copytree(STORE, tmp_path / "plain")
    return Store.open(tmp_path / "plain")


def test_what_an_earlier_version_did_not_note_is_worked_out(store):
    runs = open_results(store.path).runs()
    finished = runs[runs["state"] == "finished"]
    assert finished["kind"].isin(["slow", "unknown", "unlearned"]).all()
    assert (finished["score_low"] <= finished["score"]).all()
    assert (finished["score"] <= finished["score_high"]).all()
    near = finished[finished["covers_majority"]]
    assert (near["score_low"] <= near["majority"]).all()
    assert (near["score"] > near["majority"]).all()
    assert runs.loc[runs["state"] != "finished", ["kind", "score_low"]].isna().all(axis=None)


def test_under_another_metric_scores_majority_and_outcome_are_those_of_the_outputs(store):
    results = open_results(store.path)
    runs = results.runs(metric="macro_f1").set_index("run")
    pairs = runs[(runs["task"] == "pairs") & (runs["state"] == "finished")]
    (task,) = [task for folder in (store.path / "tasks").iterdir() if (task := Task.read(folder)).name == "pairs"]
    assert set(pairs["metric"]) == {"macro_f1"}
    for id_, row in pairs.iterrows():
        predicted = np.argmax(results.logits(id_)["dev"], axis=1)
        rights = [
            2
            * ((predicted == k) & (task.dev.labels == k)).sum()
            / ((predicted == k).sum() + (task.dev.labels == k).sum())
            for k in (0, 1)
        ]
        assert row["score"] == pytest.approx(np.mean(rights))
        assert row["outcome"] == ("succeeded" if row["score"] > row["majority"] else "failed")
    assert set(runs.loc[runs["task"] == "ratings", "metric"]) == {"pearson"}  # macro F1 does not fit a regression
    assert results.summary(metric="macro_f1").loc[0, "majority"] == pytest.approx(1 / 3)


def test_a_metric_that_says_nothing_on_the_development_set_judges_no_run(monkeypatch, store):
    """Every run would be called failed, and none is."""
    monkeypatch.setattr("seedproof.tasks.judges.Metric.is_defined", lambda *_: False)
    with pytest.raises(UserError, match="the metric 'f1' says nothing on the development set"):
        open_results(store.path).runs(metric="f1")


def test_a_run_without_outputs_is_named(store):
    id_ = next(cell.id for cell in store.cells() if cell.task == "pairs")
    (store.run(id_).path / "journal.jsonl").unlink()
    with pytest.raises(UserError, match=f"cannot score run {id_} under 'matthews'.*restore the file"):
        open_results(store.path).runs(metric="matthews")


def test_a_metric_that_fits_no_task_or_a_task_that_is_missing_is_named(store):
    with pytest.raises(UserError, match="did you mean 'matthews'"):
        open_results(store.path).runs(metric="mathews")
    shutil.rmtree(store.path / "tasks")
    with pytest.raises(UserError, match=r"is missing; copy it from the study"):
        open_results(store.path).runs(metric="matthews")
    assert set(open_results(store.path).runs()["kind"].dropna()) == {"unknown"}


def test_a_complete_result_needs_no_journal(store):
    """A summary of thousands of runs must not read their journals."""
    results = open_results(store.path)
    before = results.runs()
    for id_ in before.loc[before["state"] == "finished", "run"].unique():
        folder = store.run(id_).path
        row = before[before["run"] == id_].iloc[0]
        value = json.loads((folder / "result.json").read_text())
        value |= {name: row[name] for name in ("positive_class", "score_low", "score_high")}
        value["ending"] = json.loads(row["ending"])
        (folder / "result.json").write_text(json.dumps(value))
        (folder / "journal.jsonl").unlink()
    columns = ["run", "kind", "score", "score_low", "covers_majority"]
    assert results.runs()[columns].equals(before[columns])


def test_what_an_earlier_version_said_of_vanishing_is_looked_at_again(store):
    """It asked for live gradients at the first look, where a head just drawn lets little through."""
    id_ = next(id_ for id_ in store.run_ids() if store.run(id_).path.joinpath("result.json").exists())
    folder = store.run(id_).path
    names = ["bert.encoder.layer.0.attention.self.query.weight", "classifier.weight"]
    looks = [{"step": 0, "kind": "gradients", "names": names}]
    looks += [{"step": 1, "kind": "gradients", "norms": [norm, 1.0], "total": 1.0} for norm in (0.004, 0.5, 1e-4, 1e-4)]
    records = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    rest = [record for record in records if record["kind"] != "gradients"]
    (folder / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in looks + rest))
    value = json.loads((folder / "result.json").read_text())
    value |= {"outcome": "failed", "reason": "majority", "fit_loss": 9.0}
    (folder / "result.json").write_text(json.dumps(value | {"ending": {"reference_loss": 0.69, "vanished": False}}))
    runs = open_results(store.path).runs()
    assert set(runs.loc[runs["run"] == id_, "kind"]) == {"collapsed"}


def test_outputs_of_another_shape_are_named(store):
    id_ = next(cell.id for cell in store.cells() if cell.task == "pairs")
    path = store.run(id_).path / "journal.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    changed = [record | ({"logits dev": [0.5]} if record["kind"] == "evaluation" else {}) for record in records]
    path.write_text("".join(json.dumps(record) + "\n" for record in changed))
    with pytest.raises(UserError, match=r"journal\.jsonl is damaged: the outputs of step .* have the shape \(1,\)"):
        open_results(store.path).runs()
