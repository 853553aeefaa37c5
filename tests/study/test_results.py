"""What a study's results say: one row per cell, the predictions of the run, the same export from every execution."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.execution.recording import Recording
from seedproof.recipes import recipe
from seedproof.study.results import Results, open_results
from seedproof.study.study import Study
from seedproof.tasks import Split, Task, load_task

pytestmark = pytest.mark.slow
RECIPES = ["devlin", recipe("devlin", label="the same again"), recipe("mosbach-v1", epochs=2)]


@pytest.fixture(scope="module")
def task() -> Task:
    """Forty training and thirty development pairs."""
    whole = load_task("miniature/entailment")
    train, dev = (Split(s.texts[:n], s.pairs[:n], s.labels[:n]) for s, n in ((whole.train, 40), (whole.dev, 30)))
    return Task(name="small", train=train, dev=dev, classes=whole.classes, metrics=("accuracy", "f1"))


@pytest.fixture(scope="module")
def study(tiny_model, task) -> Study:
    return Study(
        "results",
        tasks=[task],
        models=[str(tiny_model)],
        recipes=RECIPES,
        seeds=2,
        settings={"learning_rate": 1e-3},
        recording=Recording(weights=True),
    )


@pytest.fixture(scope="module")
def results(study, tmp_path_factory) -> Results:
    return study.run(tmp_path_factory.mktemp("results") / "study", jobs=1, progress=False)


def test_one_row_per_cell(results):
    """Two labels for one recipe are two rows with one run."""
    runs = results.runs()
    assert runs.columns[:9].tolist() == [
        "task",
        "model",
        "recipe",
        "seed",
        "run",
        "state",
        "outcome",
        "reason",
        "metric",
    ]
    assert len(runs) == 6
    by_recipe = {name: rows["run"].tolist() for name, rows in runs.groupby("recipe")}
    assert by_recipe["devlin(learning_rate=0.001)"] == by_recipe["the same again(learning_rate=0.001)"]
    assert runs["run"].nunique() == 4
    assert set(runs["state"]) == {"finished"}
    assert runs["majority"].between(0.5, 1).all()
    assert {"accuracy", "f1", "training_loss", "execution_seconds", "execution_host"} <= set(runs.columns)
    assert (runs["score"] == runs["accuracy"]).all()
    assert set(runs["missing_parameters"]) == {'["classifier.bias", "classifier.weight"]'}


def test_summary(results):
    summary = results.summary()
    assert summary["recipe"].tolist() == [
        "devlin(learning_rate=0.001)",
        "the same again(learning_rate=0.001)",
        "mosbach-v1(epochs=2, learning_rate=0.001)",
    ]
    assert summary["runs"].tolist() == [2, 2, 2]
    np.testing.assert_allclose(results.summary(divisor="n")["sd"] * np.sqrt(2), summary["sd"])
    with pytest.raises(UserError, match="divisor"):
        results.summary(divisor="n-2")


def test_a_notebook_shows_the_summary_the_plot_and_the_page(results, tmp_path):
    assert "mosbach-v1(epochs=2" in results._repr_html_()
    assert "image/png" in results.box_plot(tmp_path / "plot.png")._repr_mimebundle_()
    assert "text/html" in results.report(tmp_path / "page.html")._repr_mimebundle_()


def test_predictions_give_the_score(results, task):
    """Also where the best evaluation was selected, which need not be the last one."""
    for row in results.runs().itertuples():
        logits = results.logits(row.run)
        assert logits.keys() == {"dev"}
        assert logits["dev"].shape == (30, 2)
        assert logits["dev"].dtype == np.float32
        assert task.score(logits)["accuracy"] == row.score
        answers = results.predictions(row.run)
        assert list(answers.columns) == [
            "split",
            "example",
            "label",
            "prediction",
            *(f"logit_{c}" for c in task.classes),
        ]
        assert (answers["label"] == answers["prediction"]).mean() == pytest.approx(row.score)


def test_records_and_losses(results):
    run = results.runs()["run"][0]
    losses = results.losses(run)
    assert losses["step"].tolist() == list(range(1, 10))  # forty examples in batches of 16, three epochs
    records = results.records(run)
    assert list(records.columns[:2]) == ["step", "kind"]
    assert set(records["kind"]) == {"loss", "evaluation", "gradients", "pooler", "drift"}
    assert results.runs()["training_loss"][0] == pytest.approx(losses["loss"].tail(3).mean())


def test_final_weights_open_in_stock_transformers(results, task):
    """And give the logits that were recorded: for the last weights and for the selected ones."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    for run in results.runs().drop_duplicates("recipe")["run"]:
        folder = results.path / "runs" / run / "weights"
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        batch = AutoTokenizer.from_pretrained(folder)(
            list(task.dev.texts), list(task.dev.pairs), padding=True, return_tensors="pt"
        )
        with torch.no_grad():
            logits = model(**batch).logits.numpy()
        np.testing.assert_allclose(logits, results.logits(run)["dev"], atol=1e-5)


def test_two_executions_export_the_same(study, results, tmp_path):
    """Everything that may differ is in columns that begin with execution_; also with two workers instead of one."""
    again = study.run(tmp_path / "again", jobs=2, progress=False)
    frames = [
        pd.read_parquet(one.export(tmp_path / f"{number}.parquet")) for number, one in enumerate((results, again))
    ]
    common = [frame[[name for name in frame if not name.startswith("execution_")]] for frame in frames]
    pd.testing.assert_frame_equal(*common, check_exact=True)
    assert not frames[0]["execution_started"].equals(frames[1]["execution_started"])
    for run in frames[0]["run"]:
        journals = [(one.path / "runs" / run / "journal.jsonl").read_bytes() for one in (results, again)]
        assert journals[0] == journals[1]


def test_export_refuses_places_where_no_file_can_be(results, tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        results.export(tmp_path / "nowhere" / "runs.parquet")
    with pytest.raises(UserError, match="is a folder"):
        results.export(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_box_plot_and_its_table(results, tmp_path):
    drawn = results.box_plot(tmp_path / "plot.svg")
    assert drawn.stat().st_size > 0
    assert len(pd.read_csv(tmp_path / "plot.svg.csv")) == 6


def test_a_study_can_be_looked_at_while_it_runs(results, tmp_path):
    """A run without a result is counted, in no statistic, and has no predictions."""
    folder = Path(shutil.copytree(results.path, tmp_path / "copy"))
    runs = results.runs()
    open_run = runs["run"].iloc[-1]
    (folder / "runs" / open_run / "result.json").unlink()
    partly = open_results(folder)
    assert partly.runs()["state"].tolist().count("finished") == 5
    assert partly.summary()["finished"].tolist() == [2, 2, 1]
    with pytest.raises(UserError, match=f"the run {open_run} .* is not finished"):
        partly.predictions(open_run)


def test_ids_that_are_none(results):
    with pytest.raises(UserError, match="has no run 'nonsense'"):
        results.records("nonsense")
    with pytest.raises(UserError, match="has no run '0000000000000000'"):
        results.predictions("0" * 16)


def test_a_folder_that_is_not_a_study(tmp_path):
    with pytest.raises(UserError, match="is not a study"):
        open_results(tmp_path)
