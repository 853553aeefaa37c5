"""A fitted folder answers the rows of a table."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import seedproof as sp
from seedproof.errors import UserError
from seedproof.fitting.predicting import Predictor

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("name", ["prediction", "probability_no|thanks"])
@pytest.mark.parametrize("out", ["answers.jsonl", "answers.csv"])
def test_an_id_that_is_called_like_a_prediction_is_refused(fitted, tmp_path, name, out):
    """In JSON Lines it took the place of the prediction, in a CSV it stood twice."""
    pd.DataFrame({"sentence": ["a b"], name: ["k7"]}).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(UserError, match="is the name of a column of predictions"):
        sp.predict(fitted.path, tmp_path / "rows.csv", out=tmp_path / out, id=name)


@pytest.mark.parametrize(
    "row", [{"sentence": "a \ud83d", "k": "1"}, {"sentence": "a", "k": "1\ud83d"}, {"sentence": "a", "k": ["\ud83d"]}]
)
def test_what_cannot_be_written_is_named_with_its_row(fitted, tmp_path, row):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"sentence": "a", "k": 1}) + "\n" + json.dumps(row))
    with pytest.raises(UserError, match=r"rows\.jsonl, row 2: column '\w+' has a lone surrogate"):
        sp.predict(fitted.path, tmp_path / "rows.jsonl", out=tmp_path / "answers.jsonl", id="k")


def test_a_device_that_there_is_not_is_refused(fitted):
    with pytest.raises(UserError, match=r"unknown device 'gpu'"):
        Predictor(fitted.path, device="gpu")
