"""Intervals of one run's score: closed forms, and coverage where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedproof.analysis.statistics import wilson_interval
from seedproof.tasks.metrics import find_metric
from seedproof.tasks.ranking import auroc_with_error
from seedproof.tasks.uncertainty import known_interval, score_interval

YES_NO = ("no", "yes")


def test_accuracy_has_wilsons_interval() -> None:
    labels = np.array([0, 1] * 50)
    outputs = np.eye(2)[np.where(np.arange(100) < 83, labels, 1 - labels)]
    found = score_interval(find_metric("accuracy", YES_NO), outputs, labels)
    assert found == pytest.approx(wilson_interval(83, 100))


def test_correlations_have_fishers_interval() -> None:
    values = np.random.default_rng(0).normal(size=(2, 60))
    found = known_interval("pearson", float(np.corrcoef(values)[0, 1]), 60)
    expected = stats.pearsonr(*values).confidence_interval()
    assert found == pytest.approx((expected.low, expected.high))
    assert known_interval("spearman", 0.5, 60)[1] > known_interval("pearson", 0.5, 60)[1]  # type: ignore[index]
    assert np.isnan(known_interval("pearson", 0.5, 3)).all()  # type: ignore[arg-type]
    assert known_interval("pearson", 1.0, 60) == pytest.approx((1, 1))


def test_the_bootstrap_of_counts_is_that_of_examples() -> None:
    """Drawing a confusion matrix from its fractions is drawing examples with replacement."""
    generator = np.random.default_rng(1)
    labels = (generator.random(80) < 0.2).astype(int)
    outputs = generator.normal(size=(80, 2)) + 1.5 * np.eye(2)[labels]
    metric = find_metric("matthews", YES_NO)
    draws = []
    for _ in range(2000):
        chosen = generator.integers(0, 80, 80)
        draws.append(metric.score(outputs[chosen], labels[chosen]))
    assert score_interval(metric, outputs, labels) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.02)


def test_auroc_has_delongs_error_on_the_scale_of_log_odds() -> None:
    """DeLong's variance is that of the placements (DeLong et al. 1988), a closed form."""
    generator = np.random.default_rng(2)
    labels = np.arange(200) % 2
    scores = generator.normal(size=200) + labels
    outputs = np.stack([np.zeros(200), scores], axis=1)
    above = scores[labels == 1][:, None] > scores[labels == 0]
    error = np.sqrt(above.mean(1).var(ddof=1) / 100 + above.mean(0).var(ddof=1) / 100)
    area, found = auroc_with_error(outputs, labels)
    assert (area, found) == pytest.approx((above.mean(), error))
    low, high = score_interval(find_metric("auroc", YES_NO), outputs, labels)
    assert [np.log(end / (1 - end)) for end in (low, high)] == pytest.approx(
        [np.log(area / (1 - area)) + sign * 1.959964 * error / (area * (1 - area)) for sign in (-1, 1)], rel=1e-5
    )


def test_the_error_of_auroc_over_many_classes_is_that_of_a_bootstrap() -> None:
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, 150)
    outputs = generator.normal(size=(150, 3)) + np.eye(3)[labels]
    draws = [auroc_with_error(outputs[chosen], labels[chosen])[0] for chosen in generator.integers(0, 150, (400, 150))]
    assert auroc_with_error(outputs, labels)[1] == pytest.approx(np.std(draws), rel=0.15)


def test_a_perfect_ranking_has_an_interval_of_one_point() -> None:
    labels = np.array([0, 1, 1])
    assert score_interval(find_metric("auroc", YES_NO), np.eye(2)[labels], labels) == (1.0, 1.0)


def test_a_run_one_example_above_the_majority_covers_it() -> None:
    labels = np.array([1] * 83 + [0] * 17)
    predictions = np.ones(100, int)
    predictions[-1] = 0
    for name in ("accuracy", "f1", "matthews", "balanced_accuracy"):
        metric = find_metric(name, YES_NO)
        low, high = score_interval(metric, np.eye(2)[predictions], labels)
        assert low <= metric.majority(labels) < metric.score(np.eye(2)[predictions], labels) <= high, name


def test_outputs_that_are_not_finite_have_no_interval() -> None:
    outputs = np.array([[np.nan, 0.0], [0.0, 1.0]])
    assert np.isnan(score_interval(find_metric("accuracy", YES_NO), outputs, np.array([0, 1]))).all()


def test_examples_of_one_group_count_as_one() -> None:
    """3 of 12 documents of ten examples are wrong: the score is a mean of 12 values, and not of 120."""
    groups = np.repeat(np.arange(12), 10)
    labels = groups % 2
    outputs = np.eye(2)[np.where(groups < 3, 1 - labels, labels)]
    for metric in ("accuracy", "macro_f1"):
        low, high = score_interval(find_metric(metric, YES_NO), outputs, labels, [str(group) for group in groups])
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 12), rel=0.15)
        single = score_interval(find_metric(metric, YES_NO), outputs, labels)
        assert single[1] - single[0] < 0.4 * (high - low)


def test_where_every_draw_of_groups_scores_the_same_the_interval_is_that_of_examples() -> None:
    labels = np.arange(120) % 2
    found = score_interval(
        find_metric("accuracy", YES_NO), np.eye(2)[labels], labels, [str(index // 10) for index in range(120)]
    )
    assert found == score_interval(find_metric("accuracy", YES_NO), np.eye(2)[labels], labels)


@pytest.mark.parametrize(("metric", "labels"), [("accuracy", [0, 1, 0, 1]), ("f1:yes", [0, 0, 0, 0])])
def test_groups_that_cannot_be_drawn_differently_have_no_interval(metric: str, labels: list[int]) -> None:
    """One group, or no draw with an example of the class."""
    groups = ["g"] * 4 if metric == "accuracy" else list("abcd")
    assert np.isnan(score_interval(find_metric(metric, YES_NO), np.eye(2)[labels], np.array(labels), groups)).all()
