"""What is kept of a run is small and says the same as its records."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest
from tests.report.html.conftest import EXAMPLES, LAYERS, NAMES, made_records, make_task

from seedproof.report.html import drilldown
from seedproof.report.limits import Limits
from seedproof.tasks import Split, Task


def test_norms_are_kept_to_a_sixteenth_of_a_power_of_ten():
    """The code of a norm reads back within 8 %; zero, NaN and infinity are no numbers."""
    norms = np.array([[1e-11, 3e-4, 1.0, 7.5e3], [0.0, math.nan, math.inf, 1e-30]])
    codes = drilldown.encode(norms)
    span = drilldown.HIGHEST - drilldown.LOWEST
    back = 10.0 ** (drilldown.LOWEST + (codes[0].astype(float) - 2) / 252 * span)
    assert back == pytest.approx(norms[0], rel=0.08)
    assert codes[1].tolist() == [drilldown.ZERO, drilldown.MISSING, drilldown.NOT_FINITE, 2]


def test_the_heat_map_gathers_weights_by_layer():
    """By hand: query and output weights of 3 and 4 make a layer of 5; biases do not count; an infinity spoils its layer only,
    and a tensor without a gradient is left out."""
    norms = np.zeros(len(NAMES), np.float32)
    for name, value in (
        ("layer.0.attention.self.query.weight", 3),
        ("layer.0.output.dense.weight", 4),
        ("layer.0.output.dense.bias", 100),
        ("layer.2.output.dense.weight", math.nan),
        ("layer.1.output.dense.weight", math.inf),
    ):
        norms[NAMES.index(f"bert.encoder.{name}")] = value
    heat_map = drilldown.HeatMap()
    for record in ({"step": 0, "names": NAMES}, {"step": 1, "norms": norms}):
        heat_map.add(record)
    heat = heat_map.content()
    assert heat["rows"] == ["classifier", "pooler", "3", "2", "1", "embeddings"]
    codes = np.frombuffer(base64.b64decode(heat["bytes"]), np.uint8)
    five = int(drilldown.encode(np.array([5.0]))[0])
    assert codes.tolist() == [
        drilldown.ZERO,
        drilldown.ZERO,
        drilldown.ZERO,
        drilldown.NOT_FINITE,
        five,
        drilldown.ZERO,
    ]
    assert len(heat["rows"]) == LAYERS + 3


def test_a_long_run_is_kept_small_and_whole():
    """Means over windows, the last step included; a loss that is not finite stays in its window."""
    losses = [{"kind": "loss", "step": step, "loss": 1.0 if step < 900 else math.nan} for step in range(1, 1001)]
    curve = drilldown.compact_run(losses, None, None, None)["loss"]
    assert len(curve["x"]) <= drilldown.LOSS_POINTS
    assert curve["x"][-1] == 1000
    assert curve["y"][0] == 1.0
    assert curve["y"][-1] is None
    assert curve["window"] == 7
    assert curve["y"][-2] is None  # from step 900 on


def test_predictions_by_hand():
    """15 of each class, all answered 0: the table of confusion, and three bytes an example."""
    task = make_task()
    run = drilldown.compact_run(made_records("majority", task), "accuracy", 40, task)
    assert run["dev"]["confusion"] == [[15, 0], [15, 0]]
    singles = np.frombuffer(base64.b64decode(run["dev"]["singles"]), np.uint8).reshape(EXAMPLES, 3)
    assert set(singles[:, 0]) == set(singles[:, 1]) == {0}
    assert singles[0, 2] == round(255 / (1 + math.exp(-2)))
    assert run["score"] == {"x": [20, 40], "y": [0.5, 0.5]}


def test_of_many_classes_the_one_that_was_predicted_is_kept():
    """Class 299 was shown as class 43, its number in one byte; and the table of confusion of so many is left out."""
    numbers = np.arange(300)
    split = Split(tuple(f"text {number}" for number in numbers), None, numbers)
    classes = tuple(f"class {number:03}" for number in numbers)
    task = Task(name="many", train=split, dev=split, classes=classes, metrics=("accuracy",))
    kept = drilldown.predictions(9.0 * np.eye(300), task)
    singles = np.frombuffer(base64.b64decode(kept["singles"]), np.uint8).reshape(300, 3).astype(int)
    assert (singles[:, 0] + 256 * singles[:, 1]).tolist() == numbers.tolist()
    assert "confusion" not in kept


def test_what_was_not_recorded_is_left_out():
    task = make_task()
    run = drilldown.compact_run(made_records("diverged", task), "accuracy", None, task)
    assert set(run) == {"loss", "heat", "score"} - {"score"}
    assert drilldown.predictions(np.full((EXAMPLES, 2), math.nan), task) == {"finite": False}
    assert drilldown.predictions(np.zeros((3, 2)), task) is None
    assert "texts" not in drilldown.compact_task(task, Limits(), texts=False)


def test_a_task_says_what_its_losses_start_from_and_keeps_to_the_limits():
    """Two classes, half of each: ln 2 nats."""
    content = drilldown.compact_task(make_task(), Limits(examples=3, characters=5), texts=True)
    assert content["entropy"] == pytest.approx(math.log(2), abs=1e-4)
    assert content["texts"] == ["sent…"] * 3
    assert len(content["labels"]) == 3
    assert content["total"] == EXAMPLES
