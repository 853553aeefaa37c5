"""What choosing is worth and what the spread is made of, against simulations whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedproof.analysis.choosing import Resampled, bias, choice, gain, resample, spread_parts
from seedproof.tasks.metrics import find_metric
from seedproof.tasks.uncertainty import known_interval, score_interval

RUNS, EXAMPLES = 5, 150
RARE = np.array([0.4, 0.3, 0.2, 0.06, 0.03, 0.01])
"""Fractions of six classes; of the last two 150 examples have 4.5 and 1.5."""
RIGHT = np.array([0.9, 0.85, 0.8, 0.6, 0.5, 0.4])
"""How often runs are right on each, wrong guesses apart."""


def simulated(generator, sd):
    """Runs of known accuracy: which examples each gets right (runs, examples), half of it shared by all runs, and the truth."""
    truth = np.clip(0.8 + sd * generator.standard_normal(RUNS), 0.5, 0.99)
    shared = generator.random(EXAMPLES) < 0.5
    own = generator.random((RUNS, EXAMPLES))
    ease = np.where(shared, generator.random(EXAMPLES), own)
    return (ease < truth[:, None]).astype(float), truth


def accuracy(right, labels):
    return float(right.mean())


def repeated(sd, times=120, resamples=50):
    """Means over simulated studies: truth, score and expectation of the chosen run, each less the mean over runs, which is free
    of the noise that all share; how often its interval covers; the spread's parts."""
    generator, labels = np.random.default_rng(0), np.arange(EXAMPLES) % 2
    rows = []
    for seed in range(times):
        right, truth = simulated(generator, sd)
        scores = right.mean(axis=1)
        resampled = resample(accuracy, list(right), labels, resamples=resamples, seed=seed)
        chosen, parts = choice(scores, resampled), spread_parts(scores, resampled)
        low, high = known_interval("accuracy", chosen.score, EXAMPLES)
        covers = low - chosen.optimism <= truth[chosen.index] <= high - chosen.optimism
        variances = parts.sd**2, parts.sampling**2, parts.standard_error
        above = truth[chosen.index] - truth.mean(), chosen.score - scores.mean(), chosen.expected - scores.mean()
        rows.append([*above, covers, *variances])
    return np.mean(rows, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.0, 0.02])
def test_the_optimism_of_the_best_seed_is_found_where_the_truth_is_known(sd):
    truth, score, expected, covered, *_ = repeated(sd)
    assert score - truth > 0.015  # what a card that names the best score overstates
    assert -0.006 < expected - truth < 0.003  # a little too low, never flattering
    assert covered > 0.92


def rare_answers(generator, labels, quality):
    """Outputs of runs (runs, examples, classes) that are right the less often the rarer the class, half of it shared by all."""
    shape = len(quality), len(labels)
    ease = np.where(generator.random(shape[1]) < 0.5, generator.random(shape[1]), generator.random(shape))
    wrong = generator.choice(len(RARE), p=RARE, size=shape)
    return np.eye(len(RARE))[np.where(ease < RIGHT[labels] + quality[:, None], labels, wrong)]


def repeated_with_rare_classes(sd, times=120, resamples=50, new=6000):
    """Means over simulated studies judged by macro F1: truth, score and expectation of the chosen run, each less the mean over
    runs; the expectation less the truth; how much less the runs score than in truth; how often the interval covers."""
    generator, metric, rows = np.random.default_rng(0), find_metric("macro_f1", tuple("abcdef")), []
    for seed in range(times):
        quality = sd * generator.standard_normal(RUNS)
        labels, others = (generator.choice(len(RARE), p=RARE, size=size) for size in (EXAMPLES, new))
        outputs = rare_answers(generator, labels, quality)
        scores = np.array([metric.score(each, labels) for each in outputs])
        truth = np.array([metric.score(each, others) for each in rare_answers(generator, others, quality)])
        resampled = resample(metric.score, list(outputs), labels, resamples=resamples, seed=seed)
        chosen = choice(scores, resampled)
        true = truth[chosen.index]
        above = true - truth.mean(), chosen.score - scores.mean(), chosen.expected - scores.mean()
        low, high = score_interval(metric, outputs[chosen.index], labels)
        too_high = chosen.optimism + bias(chosen.score, resampled.drawn[:, chosen.index])
        covers = low - too_high <= true <= high - too_high
        rows.append([*above, chosen.expected - true, scores.mean() - truth.mean(), covers])
    return np.mean(rows, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.0, 0.05])
def test_the_optimism_is_found_where_classes_are_rare(sd):
    """Choosing flatters by far more. What it is worth is found; that every run scores too low on so few examples is not."""
    truth, score, expected, off, too_low, covered = repeated_with_rare_classes(sd)
    assert score - truth > 0.05
    assert abs(expected - truth) < 0.015
    assert off == pytest.approx(expected - truth + too_low)
    assert -0.03 < off < 0.005  # low, not flattering
    assert covered > 0.87


def test_the_spread_of_equal_seeds_is_the_development_set_alone():
    *_, observed, sampling, error = repeated(0.0)
    own = 0.5 * 0.8 * 0.2 / EXAMPLES  # the half of the examples whose answers are each run's own
    assert sampling == pytest.approx(own, rel=0.1)
    assert observed == pytest.approx(own, rel=0.15)
    assert error == pytest.approx(math.sqrt(0.8 * 0.2 / EXAMPLES), rel=0.1)


def test_seeds_that_differ_spread_more_than_the_development_set_explains():
    *_, observed, sampling, _ = repeated(0.05, times=60)
    assert observed - sampling == pytest.approx(0.05**2, rel=0.35)
    assert sampling < 0.4 * observed


def test_one_run_has_no_optimism_and_no_spread():
    metric = find_metric("macro_f1", ("a", "b", "c"))
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 3, 40)
    outputs = generator.standard_normal((40, 3))
    resampled = resample(metric.score, [outputs], labels, resamples=20)
    chosen = choice(np.array([metric.score(outputs, labels)]), resampled)
    assert (chosen.index, chosen.optimism) == (0, 0.0)
    assert math.isnan(spread_parts(np.array([0.5]), resampled).share)


def test_the_rest_judges_what_the_draw_has_chosen():
    resampled = Resampled(drawn=np.array([[1.0, 0.0], [0.0, 1.0]]), rest=np.array([[0.2, 0.4], [0.6, 0.8]]))
    assert choice(np.array([0.5, 0.7]), resampled).expected == pytest.approx(0.6 + (-0.1 + 0.1) / 2)
    assert gain(resampled, 1) == pytest.approx(0.1)


def test_choosing_is_never_expected_to_score_more_than_it_did():
    resampled = Resampled(drawn=np.array([[1.0, 0.0]]), rest=np.array([[0.9, 0.1]]))
    assert choice(np.array([0.5, 0.4]), resampled).optimism == 0.0


def test_draws_that_lose_rare_classes_score_too_high():
    metric = find_metric("macro_f1", ("a", "b", "c"))
    labels = np.array([0] * 20 + [1] * 20 + [2])
    outputs = np.eye(3)[np.where(labels == 2, 0, labels)]  # never right on the rare class
    drawn = resample(metric.score, [outputs], labels, resamples=200).drawn[:, 0]
    assert bias(metric.score(outputs, labels), drawn) > 0.08
    assert bias(0.5, drawn[:0]) == 0.0


def test_groups_are_drawn_whole():
    labels, groups = np.array([0, 1] * 10), np.repeat(np.arange(10), 2)
    seen = []
    resample(lambda outputs, _: seen.append(outputs) or 0.0, [groups], labels, groups=groups, resamples=3)
    for drawn, rest in zip(seen[::2], seen[1::2], strict=True):
        assert not set(drawn) & set(rest)
        assert all(np.unique(part, return_counts=True)[1].min() >= 2 for part in (drawn, rest))


def test_a_draw_that_is_left_out_is_counted():
    """Left out by its labels alone, which favours no candidate; the others are as they would be."""
    labels = np.repeat([0, 1], [60, 3])
    metric = find_metric("average_precision", ("no", "yes"))
    found = resample(metric.score, [np.zeros((63, 2))], labels, is_defined=metric.is_defined, resamples=40)
    assert len(found.drawn) == 40
    assert np.isfinite([found.drawn, found.rest]).all()
    # All three positives are drawn, or none is: 26 % and 5 % of the draws.
    assert found.left_out_share == pytest.approx(0.3, abs=0.12)


def test_labels_that_cannot_be_divided_give_no_resamples():
    resampled = resample(accuracy, [np.zeros(3), np.ones(3)], np.array([0, 0, 1]), resamples=5)
    assert not len(resampled.drawn)
    assert math.isnan(choice(np.array([0.0, 1.0]), resampled).expected)
