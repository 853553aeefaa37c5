"""When the lower layers vanish: made norms of two layers and a classifier."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.gradients import (
    COLUMNS,
    THRESHOLD,
    VANISHING_COLUMNS,
    gradient_table,
    vanishing_of_run,
    vanishing_steps,
)
from seedproof.errors import UserError

QUERY = "bert.encoder.layer.{}.attention.self.query.weight"
NAMES = [QUERY.format(layer) for layer in range(4)] + ["classifier.weight", "classifier.bias"]
RUNS = pd.DataFrame(
    {"run": ["a", "b"], "seed": ["0", "1"], "recipe": "devlin", "outcome": ["failed", "succeeded"], "steps": [40, 40]}
)


def records(lower, upper=0.5, classifier=1.0, every=10):
    """A recording every 10 steps: two lower layers, two upper ones, the classifier and its bias."""
    made = [{"kind": "gradients", "step": 0, "names": NAMES}, {"kind": "loss", "step": 1, "loss": 0.7}]
    for index, norm in enumerate(lower):
        norms = np.array([norm, norm, upper, upper, classifier, 7.0], np.float32)
        made.append({"kind": "gradients", "step": every * (index + 1), "norms": norms, "total": 3.0})
    return made


def vanish(norms, **options):
    """The only row for a run with these norms in its lower half."""
    made = records(norms, options.pop("upper", 0.5), options.pop("classifier", 1.0))
    return vanishing_steps(gradient_table({"a": made}, RUNS), **options).iloc[0]


def test_the_table_has_a_row_per_place_and_step():
    """Names of the run beside every norm; biases are left out; the total is there."""
    table = gradient_table({"a": records([0.1]), "b": records([0.2])}, RUNS)
    assert list(table) == list(COLUMNS)
    assert len(table) == 2 * 6
    of_b = table[(table["run"] == "b") & (table["kind"] == "query")]
    assert of_b["norm"].tolist() == pytest.approx([0.2, 0.2, 0.5, 0.5])
    assert set(of_b["outcome"]) == {"succeeded"}
    assert set(table["kind"]) == {"query", "classifier", "total"}


@pytest.mark.parametrize(
    ("lower", "step"),
    [
        ([0.1, 0.001, 0.001, 0.001], 20),  # from the second recording on
        ([0.001, 0.001, 0.001, 0.001], 10),  # from the first
        ([0.1, 0.001, 0.1, 0.001], 40),  # it recovered once: for good only at the end
        ([0.001, 0.001, 0.001, 0.1], None),  # it recovered
        ([0.1, 0.001, 0.001, math.nan], None),  # a norm that is not finite is not under anything
        ([0.1, math.nan, 0.001, 0.001], 30),
        ([0.1, 0.01, 0.01, 0.01], None),  # the threshold itself is not under it
    ],
)
def test_under_for_good(lower, step):
    """The step after the last recording that was not under the threshold."""
    row = vanish(lower, classifier=1.0, threshold=float(np.float32(0.01)))
    assert list(row.index) == list(VANISHING_COLUMNS)
    assert pd.isna(row["step"]) if step is None else row["step"] == step
    assert math.isnan(row["fraction_of_training"]) if step is None else row["fraction_of_training"] == step / 40
    assert (row["layers"], row["lower_layers"], row["outcome"]) == (4, 2, "failed")


def test_relative_to_the_classifier_or_not():
    """The same norms vanish beside a classifier of 10 and do not beside one of .001; a norm itself needs no classifier."""
    assert vanish([0.01] * 4, classifier=10)["step"] == 10
    assert pd.isna(vanish([0.01] * 4, classifier=0.001)["step"])
    assert vanish([0.01] * 4, classifier=0.001, relative=False, threshold=0.1)["step"] == 10


def test_what_counts_as_lower():
    """Three quarters of four layers: the median of 1e-3, 1e-3 and .5 vanishes; all four: the mean of the middle two, not."""
    assert vanish([0.001] * 4, lower=0.75)["lower_layers"] == 3
    assert vanish([0.001] * 4, lower=0.75)["step"] == 10
    assert pd.isna(vanish([0.001] * 4, lower=1)["step"])
    assert vanish([0.001] * 4, lower=0.1)["lower_layers"] == 1


def test_shared_layers_are_one():
    """ALBERT's norms are those of layer 0, which then is all there is."""
    table = gradient_table({"a": records([0.001] * 2)}, RUNS)
    table = table[~(table["layer"] > 0).fillna(False)]
    assert vanishing_steps(table)[["layers", "lower_layers", "step"]].iloc[0].tolist() == [1, 1, 10]


def test_an_unfinished_run_has_no_share():
    """Its length is not known."""
    table = gradient_table({"a": records([0.001])}, RUNS.assign(steps=pd.array([None, 40], "Int64")))
    assert vanishing_steps(table)["step"].tolist() == [10]
    assert vanishing_steps(table)["fraction_of_training"].isna().all()


def test_nothing_recorded_and_wrong_options():
    """Which recording to switch on, which run, which value."""
    with pytest.raises(UserError, match=r"run b has no recording 'gradients'.*--record gradients"):
        gradient_table({"b": [{"kind": "loss", "step": 1, "loss": 0.7}]}, RUNS)
    with pytest.raises(UserError, match="no run c"):
        gradient_table({"c": records([0.1])}, RUNS)
    table = gradient_table({"a": records([0.1])}, RUNS)
    with pytest.raises(UserError, match="above 0 but is 0"):
        vanishing_steps(table, threshold=0)
    with pytest.raises(UserError, match="up to 1 but is 2"):
        vanishing_steps(table, lower=2)
    with pytest.raises(UserError, match="no gradient norms of key in its lowest 2 layers"):
        vanishing_steps(table, kinds=["key"])
    with pytest.raises(UserError, match="no gradient norms of a classifier"):
        vanishing_steps(table[table["kind"] != "classifier"])


def test_no_run_gives_empty_tables():
    """With their columns, so that a figure can say that there is nothing to draw."""
    table = gradient_table({}, RUNS)
    assert list(table) == list(COLUMNS)
    assert list(vanishing_steps(table)) == list(VANISHING_COLUMNS)


def test_a_run_that_diverged_before_a_norm_was_recorded_did_not_vanish():
    """Its journal names the tensors and has no norm; it keeps its row, and so its place in the denominator."""
    runs = pd.DataFrame([{"run": "a", "seed": "0", "recipe": "devlin", "outcome": "failed", "reason": "diverged"}])
    names = [{"step": 0, "kind": "gradients", "names": ["bert.encoder.layer.0.output.dense.weight"]}]
    (row,) = vanishing_of_run(runs.iloc[0], names, runs).to_dict("records")
    assert (row["run"], row["outcome"], row["threshold"]) == ("a", "failed", THRESHOLD)
    assert pd.isna(row["step"])
    assert pd.isna(row["layers"])
