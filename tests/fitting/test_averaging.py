"""An average is shipped where it is better on examples that did not choose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.fitting.made import EXAMPLES, LABELS, SINGLE, make_task, make_told, noisy, run

from seedproof.analysis.choosing import Resampled, gain
from seedproof.errors import UserError
from seedproof.fitting.averaging import check_ensemble
from seedproof.fitting.card.expectations import shipped
from seedproof.fitting.card.front_matter import front_matter
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


def average_in_simulations(quality, own, times=300, runs=5, examples=150, new=5000, draws=100):
    """How often the average is shipped, and then its score, and the mean of all runs with its gain, less its score on new rows.

    Examples are of different ease, part of which is each run's own; runs differ in quality. All are right in about .8.
    """
    generator, rows = np.random.default_rng(0), []

    def right(qualities, count):
        """Whether each run, and last the mean of the probabilities, is right (runs + 1, examples)."""
        shared = np.sqrt(1 - own**2) * generator.standard_normal(count)
        margin = qualities[:, None] + shared + own * generator.standard_normal((runs, count))
        return np.vstack([margin > 0, (1 / (1 + np.exp(-2 * margin))).mean(axis=0) > 0.5]).astype(float)

    for _ in range(times):
        qualities = 0.85 + quality * generator.standard_normal(runs)
        dev, truth = right(qualities, examples), right(qualities, new)[-1].mean()
        times_drawn = generator.multinomial(examples, np.full(examples, 1 / examples), size=draws)
        left = (times_drawn == 0).T
        drawn, rest = (dev @ times_drawn.T / examples).T, (dev @ left / left.sum(axis=0)).T
        of_runs = Resampled(drawn[:, :-1], rest[:, :-1])
        gained = float((rest[:, -1] - of_runs.rest.mean(axis=1)).mean())
        is_shipped = gained > gain(of_runs, of_runs.drawn.argmax(axis=1))
        rows.append([is_shipped, dev[-1].mean() - truth, dev[:-1].mean() + gained - truth])
    found = np.array(rows)
    return found[:, 0].mean(), *found[found[:, 0] > 0, 1:].mean(axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(("quality", "own"), [(0.0, 0.5), (0.1, 0.5), (0.05, 0.2)])
def test_the_score_of_an_average_that_is_shipped_is_the_most_to_expect(quality, own):
    """It was preferred by the examples that score it, which flatters it, and the less the more clearly it is better."""
    often, score, with_gain = average_in_simulations(quality, own)
    assert 0.3 < often < 0.95
    assert -0.003 < score < 0.012
    assert with_gain == pytest.approx(score, abs=0.001)


def test_the_card_of_an_average_says_what_the_examples_decided():
    """It said that no seed was chosen, and named its score without a doubt."""
    generator, task = np.random.default_rng(1), make_task()
    runs = [run(seed, noisy(generator, 1.5), task) for seed in range(5)]
    runs.append(run(5, np.tile([1.0, 0.0], (EXAMPLES, 1)), task, "failed"))
    judgement = judge(runs, task, SINGLE, ensemble="predictions")
    said = shipped(judgement, make_told(task))
    assert "the mean of the predictions of the 5 of 6 seeds that succeeded. That they succeeded, and that" in said
    assert "was decided on the same 120 development examples" in said
    assert f"the most to expect of new rows: **{judgement.score:.3f}**" in said
    assert math.isnan(judgement.numbers()["optimism"])  # it was 0, as if the score were known to flatter nothing
    assert "optimism" not in front_matter(judgement, make_told(task))


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
