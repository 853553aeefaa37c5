"""An average is shipped where it is better on examples that did not choose."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fitting.made import EXAMPLES, LABELS, SINGLE, make_task, noisy, run

from seedproof.errors import UserError
from seedproof.fitting.averaging import check_ensemble
from seedproof.fitting.judgement import Run
from seedproof.fitting.judging import judge


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
