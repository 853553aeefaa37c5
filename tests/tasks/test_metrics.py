"""Metrics against hand-made numbers, scipy's formulas and counts written out naively."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score

from seedproof.errors import UserError
from seedproof.tasks.confusion import class_scores, confusion
from seedproof.tasks.correlations import pearson, spearman
from seedproof.tasks.metrics import METRICS, find_metric, rare_class, title_of
from seedproof.tasks.ranking import auroc, log_odds
from seedproof.tasks.split import Kind
from seedproof.tasks.uncertainty import score_interval

Pairs = list[tuple[int, int]]
binary = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)
several = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)
reals = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=40)
CLASSES = ("a", "b", "c", "d", "e")
REGRESSION = ("pearson", "spearman", "pearson_spearman", "neg_mae")
OF_CLASSES = sorted(set(METRICS) - {*REGRESSION, "micro_f1"})


def arrays(pairs: Pairs) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.array([first for first, _ in pairs]), np.array([second for _, second in pairs])


def score(name: str, predictions: NDArray[Any], labels: NDArray[Any], classes: int = 2) -> float:
    """The score of predictions that are sure of their class."""
    return find_metric(name, CLASSES[:classes]).score(np.eye(classes)[predictions], labels)


def f1_of(index: int, pairs: Pairs) -> float:
    """The textbook formula, 0 where it divides by zero."""
    right = pairs.count((index, index))
    below = sum((first == index) + (second == index) for first, second in pairs)
    return 2 * right / below if below else 0.0


def test_values_by_hand() -> None:
    """TP 2, FP 1, FN 1, TN 1: every number can be worked out on paper."""
    predictions, labels = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0])
    assert score("accuracy", predictions, labels) == 3 / 5
    assert score("f1", predictions, labels) == score("f1:b", predictions, labels) == 4 / 6
    assert score("f1:a", predictions, labels) == 2 / 4
    assert score("accuracy_f1", predictions, labels) == pytest.approx((3 / 5 + 2 / 3) / 2)
    assert score("matthews", predictions, labels) == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))
    assert score("macro_f1", predictions, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert score("weighted_f1", predictions, labels) == pytest.approx((3 * 2 / 3 + 2 * 1 / 2) / 5)
    assert score("balanced_accuracy", predictions, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)


@settings(deadline=None)
@given(binary)
def test_f1_and_matthews_equal_the_formulas_of_counts(pairs: Pairs) -> None:
    """The vectorised forms equal the textbook formulas, and 0 stands for division by zero."""
    true_positive, true_negative = pairs.count((1, 1)), pairs.count((0, 0))
    false_positive, false_negative = pairs.count((1, 0)), pairs.count((0, 1))
    assert score("f1", *arrays(pairs)) == f1_of(1, pairs)
    product = (true_positive + false_positive) * (true_positive + false_negative)
    product *= (true_negative + false_positive) * (true_negative + false_negative)
    expected = (true_positive * true_negative - false_positive * false_negative) / math.sqrt(product) if product else 0
    assert score("matthews", *arrays(pairs)) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(several)
def test_means_over_classes_equal_their_definitions(pairs: Pairs) -> None:
    """As in scikit-learn: a class that neither is predicted nor occurs is in no mean, recall is of what occurs."""
    predictions, labels = arrays(pairs)
    seen = set(predictions) | set(labels)
    support = {index: int((labels == index).sum()) for index in range(5)}
    by_class = [f1_of(index, pairs) for index in range(5)]
    assert score("macro_f1", predictions, labels, 5) == pytest.approx(sum(by_class) / len(seen))
    weighted = sum(by_class[index] * support[index] for index in range(5)) / len(pairs)
    assert score("weighted_f1", predictions, labels, 5) == pytest.approx(weighted)
    recalls = [pairs.count((index, index)) / support[index] for index in range(5) if support[index]]
    assert score("balanced_accuracy", predictions, labels, 5) == pytest.approx(sum(recalls) / len(recalls))


@settings(deadline=None)
@given(several)
def test_matthews_of_many_classes_is_the_correlation_of_indicators(pairs: Pairs) -> None:
    """Gorodkin's R_K is cov(X, Y) / sqrt(cov(X, X) cov(Y, Y)) of the one-hot matrices."""
    predictions, labels = (np.eye(5)[values] for values in arrays(pairs))
    x, y = predictions - predictions.mean(0), labels - labels.mean(0)
    below = math.sqrt((x * x).sum() * (y * y).sum())
    expected = (x * y).sum() / below if below > 1e-9 else 0.0
    assert score("matthews", *arrays(pairs), classes=5) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=1, max_size=40))
def test_auroc_is_mann_whitneys_share_of_pairs(pairs: Pairs) -> None:
    """Of all pairs of a positive and a negative the fraction that is ranked rightly, ties a half; NaN without a pair."""
    scores, labels = arrays(pairs)
    outputs = np.stack([np.zeros(len(scores)), scores], axis=1)
    found = auroc(outputs, labels)
    if np.ptp(labels) == 0:
        assert math.isnan(found)
        return
    statistic = stats.mannwhitneyu(scores[labels == 1], scores[labels == 0], method="asymptotic").statistic
    assert found == pytest.approx(statistic / ((labels == 1).sum() * (labels == 0).sum()))


def test_auroc_of_many_classes_is_the_mean_of_each_against_the_others() -> None:
    """Of probabilities too near 1 to differ as floats, too: their odds still do."""
    outputs, labels = np.random.default_rng(0).normal(size=(60, 3)) * 50, np.arange(60) % 3
    areas = []
    for index in range(3):
        others = np.delete(outputs, index, axis=1)
        odds = outputs[:, index] - np.logaddexp(others[:, 0], others[:, 1])
        statistic = stats.mannwhitneyu(odds[labels == index], odds[labels != index]).statistic
        areas.append(statistic / (20 * 40))
    assert auroc(outputs, labels) == pytest.approx(np.mean(areas))


@settings(deadline=None)
@given(reals)
def test_correlations_equal_scipy(pairs: Pairs) -> None:
    """With ties, and 0 where scipy gives NaN because a side is constant."""
    first, second = (values.astype(float) for values in arrays(pairs))
    constant = np.ptp(first) == 0 or np.ptp(second) == 0
    assert pearson(first, second) == pytest.approx(0 if constant else stats.pearsonr(first, second)[0], abs=1e-9)
    assert spearman(first, second) == pytest.approx(0 if constant else stats.spearmanr(first, second)[0], abs=1e-9)


def test_matthews_of_many_examples_does_not_overflow() -> None:
    """Products of squared counts of a set as large as QQP's pass 64 bits."""
    labels = np.arange(400_000) % 2
    assert score("matthews", labels, labels) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_pearson_of_extreme_scales(scale: float) -> None:
    """Squares would underflow or overflow; the correlation does not depend on the scale."""
    values = np.array([1.0, 2.0, 4.0])
    assert pearson(values * scale, values) == pytest.approx(1.0)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_no_constant_prediction_scores_above_the_majority(name: str) -> None:
    """Two of five are class 0. Matthews is 0 and AUROC a half by definition, never NaN."""
    labels, metric = np.array([0, 1, 1, 0, 1]), find_metric(name, ("no", "yes"))
    scores = [metric.score(np.tile(np.eye(2)[index], (5, 1)), labels) for index in (0, 1)]
    expected = {
        "accuracy": 0.6,
        "f1": 0.75,
        "accuracy_f1": 0.675,
        "matthews": 0.0,
        "macro_f1": 0.375,
        "weighted_f1": 0.45,
        "balanced_accuracy": 0.5,
        "auroc": 0.5,
        "average_precision": 0.6,
    }
    assert max(scores) == metric.majority(labels) == pytest.approx(expected[name])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_an_output_that_is_not_finite_gives_nan(name: str, bad: float) -> None:
    """It is never dropped and never counted as merely wrong; nor is a target."""
    kind: Kind = "regression" if name in REGRESSION else "multi-label" if name == "micro_f1" else "classification"
    metric = find_metric(name, () if name in REGRESSION else ("no", "yes"), kind=kind)
    outputs = np.array([[0.0], [1.0], [bad]]) if name in REGRESSION else np.array([[0.0, 1.0], [1.0, 0.0], [0.0, bad]])
    assert math.isnan(metric.score(outputs, np.array([0, 1, 1])))
    if name in REGRESSION:
        assert math.isnan(metric.score(np.array([[0.0], [1.0], [1.0]]), np.array([0.0, 1.0, bad])))


def test_scores_by_class() -> None:
    """Precision, recall, F1 and support; 0, not NaN, of a class that is never predicted."""
    counts = confusion(np.array([0, 0, 1, 1, 0]), np.array([0, 0, 1, 0, 2]), 3)
    found = class_scores(counts, ("a", "b", "c"))
    assert found["a"] == {"precision": 2 / 3, "recall": 2 / 3, "f1": pytest.approx(2 / 3), "support": 3}
    assert found["b"] == {"precision": 1 / 2, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert found["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}


def test_f1_names_its_class() -> None:
    assert find_metric("f1", ("no", "yes")).title == "F1 of 'yes'"
    assert find_metric("f1:b", CLASSES).title == "F1 of 'b'"
    assert find_metric("f1:yes", ("no", "yes")).name == "f1"  # one name for one number
    assert title_of("accuracy_f1", "yes") == "mean of accuracy and F1 of 'yes'"


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("acuracy", ("a", "b"), "did you mean 'accuracy'"),
        ("matthews:a", ("a", "b"), "unknown metric 'matthews:a'"),
        ("f1:spam", ("ham", "spam "), r"unknown class 'spam' in metric 'f1:spam'; did you mean 'spam '"),
        ("f1", CLASSES, "defined for two classes, found 5; name one, as in f1:a"),
        ("pearson", ("a", "b"), "does not fit classification; give one of accuracy"),
        ("auroc", (), "does not fit regression; give one of pearson"),
    ],
)
def test_a_metric_that_does_not_fit_is_named(name: str, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_metric(name, classes)


def test_a_class_is_rare_by_its_share_of_an_even_one() -> None:
    labels = np.array([0] * 81 + [1] * 19)
    assert rare_class(labels, ("ham", "spam")) == ("spam", 0.19)
    assert rare_class(np.array([0] * 80 + [1] * 20), ("ham", "spam")) is None
    assert rare_class(np.arange(30) % 3, ("a", "b", "c")) is None
    assert rare_class(np.arange(30) % 3, ("a", "b", "c", "none")) == ("none", 0.0)
    assert rare_class(labels.astype(float), ()) is None


def test_average_precision_is_scikit_learns() -> None:
    """Of one class, with ties, and the mean over classes; a class without examples is in no mean."""
    generator = np.random.default_rng(0)
    labels, outputs = generator.integers(0, 3, 200), generator.normal(0, 1, (200, 3)).round(1)
    outputs[np.arange(200), labels] += 1
    each = [average_precision_score(labels == index, log_odds(outputs)[:, index]) for index in range(3)]
    assert find_metric("average_precision", CLASSES[:3]).score(outputs, labels) == pytest.approx(np.mean(each))
    assert find_metric("average_precision:b", CLASSES[:3]).score(outputs, labels) == pytest.approx(each[1])
    more = np.column_stack([outputs, np.full(200, -9.0)])
    assert find_metric("average_precision", CLASSES[:4]).score(more, labels) == pytest.approx(np.mean(each), rel=1e-3)


def test_the_mean_absolute_error_is_negated_and_beaten_by_what_is_nearer_than_the_median() -> None:
    labels, metric = np.array([0.0, 1.0, 5.0]), find_metric("mae", ())
    assert (metric.name, metric.title) == ("neg_mae", "negative mean absolute error")
    assert metric.score(np.array([[1.0], [1.0], [4.0]]), labels) == pytest.approx(-2 / 3)
    assert metric.majority(labels) == pytest.approx(-5 / 3)
    low, high = score_interval(metric, np.array([[1.0], [1.0], [4.0]]), labels)
    assert low <= -2 / 3 <= high <= 0


@pytest.mark.parametrize("classes", [2, 3, 60])
@pytest.mark.parametrize("scale", [0.0, 1.0, 40.0, 1000.0])
def test_log_odds_are_those_of_each_class_by_itself(classes: int, scale: float) -> None:
    values = scale * np.random.default_rng(0).standard_normal((100, classes))
    values[:10, :2] = 2 * scale  # two largest
    others = [np.logaddexp.reduce(np.delete(values, index, axis=1), axis=1) for index in range(classes)]
    np.testing.assert_allclose(log_odds(values), values - np.stack(others, axis=1), rtol=1e-9, atol=1e-9)


def test_log_odds_of_many_classes_take_a_few_passes_over_the_outputs() -> None:
    """Judging a fit scores thousands of draws: a pass for each class was minutes after all training."""
    values = np.random.default_rng(0).standard_normal((500, 300))
    taken = []
    for work in (log_odds, lambda values: np.logaddexp.reduce(values, axis=1)):
        begun = time.process_time()
        work(values)
        taken.append(time.process_time() - begun)
    assert taken[0] < 30 * taken[1]
