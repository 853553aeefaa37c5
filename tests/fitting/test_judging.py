"""What is shipped: the best run, or an average that is better on examples that did not choose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.fitting.judging import Run, StoppedRun, check_ensemble, judge
from seedproof.tasks import Split, Task

EXAMPLES = 120
LABELS = np.arange(EXAMPLES) % 2
SINGLE = "single_label_classification"


def make_task(labels=LABELS, classes=("no", "yes"), metrics=("accuracy",)):
    texts = [str(index) for index in range(len(labels))]
    split = Split(texts, None, labels)
    return Task(name="made", train=split, dev=split, classes=classes, metrics=metrics)


def run(seed, outputs, task, outcome="succeeded"):
    score = task.score({"dev": outputs})["accuracy"] if len(outputs) else math.nan
    return Run(f"id{seed}", str(seed), score, outcome, "fitted", outputs)


def noisy(generator, noise):
    """Logits that point at the label, and miss it more often the larger the noise."""
    towards = (2 * LABELS - 1) + noise * generator.standard_normal(EXAMPLES)
    return np.stack([-towards, towards], axis=1)


@pytest.fixture
def runs():
    generator, task = np.random.default_rng(0), make_task()
    return [run(seed, noisy(generator, noise), task) for seed, noise in enumerate([2.0, 0.6, 2.0])]


def test_the_best_seed_is_shipped_with_what_is_to_be_expected_of_it(runs):
    judgement = judge(runs, make_task(), SINGLE)
    assert (judgement.shipped, judgement.best.seed) == ("best", "1")
    assert judgement.low < judgement.expected <= judgement.score < 1
    assert judgement.numbers()["mean"] == pytest.approx(np.mean([each.score for each in runs]))
    assert judgement.ensemble == {}


def test_a_failed_run_stays_in_the_rate_and_in_the_mean(runs):
    task = make_task()
    constant = np.tile([1.0, 0.0], (EXAMPLES, 1))
    judgement = judge([*runs, run(3, constant, task, "failed")], task, SINGLE)
    numbers = judgement.numbers()
    assert (numbers["runs"], numbers["failed"], numbers["minimum"]) == (4, 1, 0.5)
    assert judgement.spread.sd == pytest.approx(np.std([each.score for each in runs], ddof=1))


def test_a_diverged_run_has_no_score_and_is_never_averaged_away(runs):
    judgement = judge([*runs, run(3, np.empty((0, 2)), make_task(), "failed")], make_task(), SINGLE)
    assert math.isnan(judgement.numbers()["mean"])
    assert judgement.numbers()["failed"] == 1
    assert math.isfinite(judgement.expected)


def test_where_every_run_failed_there_is_nothing_to_ship():
    task = make_task()
    constant = np.tile([1.0, 0.0], (EXAMPLES, 1))
    with pytest.raises(
        UserError, match=r"2 runs of 2 failed.*the best scores 0\.500, and .* changes 0\.500 \(accuracy\)"
    ):
        judge([run(seed, constant, task, "failed") for seed in range(2)], task, SINGLE)


def test_predictions_are_averaged_where_that_is_better_on_data_that_did_not_choose():
    generator, task = np.random.default_rng(1), make_task()
    alike = [run(seed, noisy(generator, 1.5), task) for seed in range(5)]
    judgement = judge(alike, task, SINGLE, ensemble="predictions")
    assert (judgement.shipped, len(judgement.members)) == ("predictions", 5)
    assert judgement.score == judgement.expected > max(each.score for each in alike)
    assert judgement.ensemble["gain"] > judgement.ensemble["gain_of_choosing"]


def test_the_best_seed_is_kept_where_the_average_is_worse(runs):
    task = make_task()
    bad = np.stack([LABELS - 0.5, 0.5 - LABELS], axis=1)
    judgement = judge(runs, task, SINGLE, ensemble="weights", averaged_outputs=lambda _: bad)
    assert (judgement.shipped, judgement.best.seed) == ("best", "1")
    assert judgement.ensemble["score"] == 0.0
    assert judgement.ensemble["gain"] < 0


def test_values_of_a_regression_are_averaged_as_they_are():
    generator = np.random.default_rng(2)
    targets = generator.standard_normal(EXAMPLES)
    task = make_task(targets, (), ("pearson",))
    runs = []
    for seed in range(3):
        outputs = (targets + generator.standard_normal(EXAMPLES))[:, None]
        runs.append(
            Run(f"id{seed}", str(seed), task.score({"dev": outputs})["pearson"], "succeeded", "fitted", outputs)
        )
    judgement = judge(runs, task, "regression", ensemble="predictions")
    np.testing.assert_allclose(judgement.outputs, np.mean([each.outputs for each in runs], axis=0))


def test_an_unknown_ensemble_is_named():
    with pytest.raises(UserError, match=r"unknown ensemble 'weight'; did you mean 'weights'\?"):
        check_ensemble("weight")


def test_runs_that_a_race_has_stopped_are_told_and_give_no_failure_rate(runs):
    stopped = [StoppedRun(seed=str(seed), at=30, by="race", score=0.5) for seed in (3, 4)]
    judgement = judge(runs, make_task(), SINGLE, stopped=stopped)
    numbers = judgement.numbers()
    assert (numbers["started"], numbers["stopped"], numbers["runs"], numbers["failed"]) == (5, 2, 3, 0)
    assert math.isnan(numbers["failure_low"])
    assert "started" not in judge(runs, make_task(), SINGLE).numbers()
