"""What a run answered: names of classes where there are classes, numbers where there are none."""

from __future__ import annotations

import numpy as np

from seedproof.analysis.predictions import prediction_table


def test_classes_by_name_and_an_output_that_is_not_finite():
    logits = {"dev": np.array([[0.0, 1.0], [2.0, 1.0], [np.nan, 1.0]], dtype=np.float32)}
    table = prediction_table(logits, {"dev": np.array([1, 1, 0])}, ("no", "yes"))
    assert table["label"].tolist() == ["yes", "yes", "no"]
    assert table["prediction"].tolist() == ["yes", "no", None]
    assert table["logit_yes"].tolist() == [1.0, 1.0, 1.0]


def test_targets_and_several_splits():
    logits = {name: np.full((2, 1), value, dtype=np.float32) for name, value in (("dev", 0.5), ("mismatched", 2.0))}
    table = prediction_table(logits, {"dev": np.array([0.0, 1.0]), "mismatched": np.array([2.0, 2.5])}, ())
    assert table[["split", "example", "label", "prediction"]].to_numpy().tolist() == [
        ["dev", 0, 0.0, 0.5],
        ["dev", 1, 1.0, 0.5],
        ["mismatched", 0, 2.0, 2.0],
        ["mismatched", 1, 2.5, 2.0],
    ]


def test_a_diverged_run_has_no_rows():
    assert prediction_table({}, {}, ("a",)).columns.tolist() == ["split", "example", "label", "prediction", "logit_a"]
