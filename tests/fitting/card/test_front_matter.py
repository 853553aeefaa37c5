"""The hub reads one number of a model; the spread behind it stands beside it."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from tests.fitting.made import make_task, make_told, run

from seedproof.fitting.card.front_matter import front_matter
from seedproof.fitting.judging import judge


def test_an_error_has_no_sign_in_any_number_of_the_hub():
    """It is judged negated; value and spread were of two signs."""
    generator = np.random.default_rng(0)
    targets = generator.standard_normal(60)
    task = make_task(targets, (), ("pearson",), metric="neg_mae")
    runs = [run(seed, targets[:, None] + 0.3 * generator.standard_normal((60, 1)), task) for seed in range(3)]
    judgement = judge(runs, task, "regression")
    [metric] = yaml.safe_load(front_matter(judgement, make_told(task, "regression")))["model-index"][0]["results"][0][
        "metrics"
    ]
    args = metric["args"]
    assert args["score"] == pytest.approx(args["minimum"])
    assert 0 < args["minimum"] < args["mean"] < args["maximum"]
    assert 0 < args["low"] < metric["value"] < args["high"]
    assert metric["value"] == pytest.approx(args["score"] + args["optimism"], abs=2e-6)


@pytest.mark.slow
def test_the_one_number_is_what_to_expect_with_the_spread_beside_it(fitted):
    _, front, _ = (fitted.path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    [metric] = yaml.safe_load(front)["model-index"][0]["results"][0]["metrics"]
    numbers = fitted.numbers
    assert metric["value"] == pytest.approx(numbers["expected"], abs=1e-6)
    assert metric["args"]["sd"] == pytest.approx(numbers["sd"], abs=1e-6)
    assert (metric["args"]["runs"], metric["args"]["failed"]) == (3, numbers["failed"])
    assert str(fitted.path.parent.parent) not in front
