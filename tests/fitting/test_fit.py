"""A table becomes a folder that stock Transformers opens, with a card that says what to expect, and answers new rows."""

from __future__ import annotations

import csv
import json
import random
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

import seedproof as sp
from seedproof.errors import UserError
from seedproof.fitting.folder import check_answers, check_out
from seedproof.fitting.predicting import Predictor
from seedproof.methods.class_weights import ClassWeights
from seedproof.tasks import load_task

pytestmark = pytest.mark.slow
OPTIONS = {
    "text": "sentence",
    "label": "polite",
    "settings": {"epochs": 12, "learning_rate": 3e-3, "max_length": 64},
    "launcher": "inline",
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """240 texts, polite by a word of theirs but for a tenth; the last row is longer than the model is given."""
    words = sorted({word for text in load_task("miniature/acceptability").train.texts[:200] for word in text.split()})
    generator, path = random.Random(0), tmp_path_factory.mktemp("fit") / "reviews.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "sentence", "polite"])
        for row in range(240):
            is_polite = generator.random() < 0.5
            word = words[3] if is_polite != (generator.random() < 0.1) else words[7]
            length = 300 if row == 239 else 4
            text = " ".join([word, *generator.choices(words[10:], k=length)])
            writer.writerow([f"r{row}", text, "yes, please" if is_polite else "no|thanks"])
    return path


@pytest.fixture(scope="module")
def fitted(table, tiny_model):
    out = table.parent / "out" / "model"
    return sp.fit(table, model=tiny_model, out=out, seeds=3, progress=False, ensemble="predictions", **OPTIONS)


def test_the_pipeline_opens_the_folder_with_the_right_names(fitted):
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(fitted.path), device="cpu")
    task = fitted.told.task
    said = [each["label"] for each in classify(list(task.dev.texts), truncation=True)]
    right = np.mean([name == task.classes[label] for name, label in zip(said, task.dev.labels, strict=True)])
    assert set(said) <= {"yes, please", "no|thanks"}
    assert right == pytest.approx(fitted.judgement.best.score)
    assert fitted.told.differing < 1e-4


def test_the_card_tells_the_distribution_and_not_one_number(fitted):
    _, front, body = (fitted.path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    [metric] = yaml.safe_load(front)["model-index"][0]["results"][0]["metrics"]
    numbers = fitted.numbers
    assert metric["value"] == pytest.approx(numbers["expected"], abs=1e-6)
    assert metric["args"]["sd"] == pytest.approx(numbers["sd"], abs=1e-6)
    assert (metric["args"]["runs"], metric["args"]["failed"]) == (3, numbers["failed"])
    for run in fitted.judgement.runs:
        assert f"| {run.seed} | {run.score:.3f} | {run.outcome}" in body
    assert "no\\|thanks" in body  # a class cannot break the confusion table
    assert fitted.told.task.fingerprint in body
    assert "cut at 64 tokens: 1 of the " in body
    assert "seedproof.fit(" in body
    assert str(fitted.path.parent.parent) not in front


def test_predict_answers_rows_as_the_average_of_its_members(fitted, table, tmp_path):
    out = sp.predict(fitted.path, table, out=tmp_path / "answers.csv", id="key", batch_size=7)
    answers, rows = pd.read_csv(out), pd.read_csv(table)
    assert answers["key"].tolist() == rows["key"].tolist()
    columns = ["probability_no|thanks", "probability_yes, please"]
    assert list(answers.columns) == ["key", "prediction", *columns]
    np.testing.assert_allclose(answers[columns].sum(axis=1), 1, rtol=1e-6)
    predictor = Predictor(fitted.path)
    each = predictor.probabilities(rows["sentence"].tolist())
    np.testing.assert_allclose(answers[columns].to_numpy(), each, atol=1e-6)
    assert len(list(predictor.outputs(["a"]))) == len(fitted.judgement.members)
    dev = predictor.probabilities(fitted.told.task.dev.texts)
    assert fitted.told.task.score({"dev": np.log(dev)})["accuracy"] == pytest.approx(fitted.judgement.score)


def test_predictions_as_json_lines_have_the_row_where_there_is_no_id(fitted, table, tmp_path):
    out = sp.predict(fitted.path, table, out=tmp_path / "answers.jsonl")
    first, *_ = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert first["row"] == 2
    assert first["prediction"] in ("yes, please", "no|thanks")


def test_a_row_without_a_text_leaves_no_file(fitted, tmp_path):
    (tmp_path / "rows.csv").write_text('sentence\n"a b"\n" "\n')
    with pytest.raises(UserError, match=r"rows\.csv, row 3: column 'sentence' has no text"):
        sp.predict(fitted.path, tmp_path / "rows.csv", out=tmp_path / "answers.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_the_same_call_trains_nothing_again_and_more_seeds_extend(fitted, table, tiny_model):
    def again(**options):
        events = []
        out = sp.fit(
            table, model=tiny_model, out=fitted.path, listeners=[events.append], progress=False, **options, **OPTIONS
        )
        return out, [event for event in events if isinstance(event, sp_started())]

    same, started = again(seeds=3, ensemble="weights")
    assert not started
    assert [run.score for run in same.judgement.runs] == [run.score for run in fitted.judgement.runs]
    assert same.judgement.ensemble["averaged"] == "weights"
    more, started = again(seeds=4)
    assert len(started) == 1
    assert len(more.judgement.runs) == 4
    assert not list(fitted.path.parent.glob(".*"))


def sp_started():
    from seedproof.events import Started

    return Started


def test_a_folder_that_answers_otherwise_is_not_kept(fitted):
    task, best = fitted.told.task, fitted.judgement.best
    with pytest.raises(RuntimeError, match="answers otherwise than in training: development example"):
        check_answers(fitted.path, task.dev, -best.outputs, "single_label_classification", "fp32")


def test_a_folder_of_something_else_is_never_replaced(fitted, tmp_path):
    assert check_out(fitted.path) == fitted.path
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="holds something that seedproof fit did not write"):
        check_out(tmp_path)


def test_weights_that_were_changed_or_lost_are_not_shipped(fitted, table, tiny_model, tmp_path):
    study = tmp_path / "model.study"
    shutil.copytree(fitted.results.path, study)
    weights = study / "runs" / fitted.judgement.best.id / "weights"
    file = weights / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    call = {"model": tiny_model, "out": tmp_path / "model", "seeds": 3, "progress": False, **OPTIONS}
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        sp.fit(table, **call)
    shutil.rmtree(weights)
    with pytest.raises(UserError, match="is gone, where the run has kept its model"):
        sp.fit(table, **call)
    assert [path.name for path in tmp_path.iterdir()] == ["model.study"]


def test_a_text_may_have_several_labels(tiny_model, tmp_path):
    words = sorted({word for text in load_task("miniature/acceptability").train.texts[:200] for word in text.split()})
    generator = random.Random(1)
    rows = []
    for row in range(120):
        has = [generator.random() < 0.5 for _ in range(2)]
        named = [word for word, is_there in zip((words[3], words[7]), has, strict=True) if is_there]
        text = " ".join([*named, *generator.choices(words[10:], k=3)])
        rows.append({"name": f"r{row}", "text": text, "document": row // 4, "loud": int(has[0]), "blue": int(has[1])})
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    columns = {"text": "text", "label": ["loud", "blue"], "group": "document", "id": "name", "metric": "micro_f1"}
    weights = [ClassWeights(weights="balanced")]
    options = {"settings": {"epochs": 15, "learning_rate": 3e-3}, "launcher": "inline", "progress": False}
    fitted = sp.fit(
        tmp_path / "rows.csv", model=tiny_model, out=tmp_path / "model", seeds=2, methods=weights, **columns, **options
    )
    assert "class_weights" in fitted.told.recipe
    assert fitted.numbers["score"] > fitted.told.task.majority["micro_f1"]
    assert "| loud | " in (fitted.path / "README.md").read_text(encoding="utf-8")
    answers = pd.read_csv(sp.predict(fitted.path, tmp_path / "rows.csv", out=tmp_path / "answers.csv"))
    assert list(answers.columns) == ["name", "prediction", "probability_loud", "probability_blue"]
    both = answers[(answers["probability_loud"] > 0.5) & (answers["probability_blue"] > 0.5)]
    assert len(both)
    assert set(both["prediction"]) == {"loud;blue"}


def test_the_card_of_a_race_says_that_its_runs_were_selected(table, tiny_model):
    out = table.parent / "raced" / "model"
    raced = sp.fit(table, model=tiny_model, out=out, race="3:2", progress=False, **OPTIONS)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "3 runs were started, 1 stopped early, and 2 finished" in text
    assert "as the best of the 2 of 3 that a race let finish" in text
    assert "The 2 that finished score" in text
    assert "| stopped | by the race after step" in text
    assert (raced.numbers["started"], raced.numbers["stopped"]) == (3, 1)
