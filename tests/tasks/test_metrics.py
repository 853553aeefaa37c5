"""Metrics against hand-made numbers, scipy's formulas and counts written out naively."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from seedproof.tasks.metrics import METRICS, REGRESSION_METRICS, accuracy_f1, f1, matthews, pearson, spearman

Pairs = list[tuple[int, int]]
binary = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)
several = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)
reals = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=40)


def arrays(pairs: Pairs) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.array([first for first, _ in pairs]), np.array([second for _, second in pairs])


def test_values_by_hand() -> None:
    """TP 2, FP 1, FN 1, TN 1: every number can be worked out on paper."""
    predictions, labels = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0])
    assert METRICS["accuracy"](predictions, labels) == 3 / 5
    assert f1(predictions, labels) == 4 / 6
    assert accuracy_f1(predictions, labels) == pytest.approx((3 / 5 + 2 / 3) / 2)
    assert matthews(predictions, labels) == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))


@settings(deadline=None)
@given(binary)
def test_f1_and_matthews_equal_the_formulas_of_counts(pairs: Pairs) -> None:
    """The vectorised forms equal the textbook formulas, and 0 stands for division by zero."""
    true_positive, true_negative = pairs.count((1, 1)), pairs.count((0, 0))
    false_positive, false_negative = pairs.count((1, 0)), pairs.count((0, 1))
    below = 2 * true_positive + false_positive + false_negative
    assert f1(*arrays(pairs)) == (2 * true_positive / below if below else 0.0)
    product = (true_positive + false_positive) * (true_positive + false_negative)
    product *= (true_negative + false_positive) * (true_negative + false_negative)
    expected = (true_positive * true_negative - false_positive * false_negative) / math.sqrt(product) if product else 0
    assert matthews(*arrays(pairs)) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(several)
def test_matthews_of_many_classes_is_the_correlation_of_indicators(pairs: Pairs) -> None:
    """Gorodkin's R_K is cov(X, Y) / sqrt(cov(X, X) cov(Y, Y)) of the one-hot matrices."""
    predictions, labels = (np.eye(5)[values] for values in arrays(pairs))
    x, y = predictions - predictions.mean(0), labels - labels.mean(0)
    below = math.sqrt((x * x).sum() * (y * y).sum())
    expected = (x * y).sum() / below if below > 1e-9 else 0.0
    assert matthews(*arrays(pairs)) == pytest.approx(expected, abs=1e-9)


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
    assert matthews(labels, labels) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_pearson_of_extreme_scales(scale: float) -> None:
    """Squares would underflow or overflow; the correlation does not depend on the scale."""
    values = np.array([1.0, 2.0, 4.0])
    assert pearson(values * scale, values) == pytest.approx(1.0)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_constant_predictions_score_zero_or_majority(name: str) -> None:
    """Correlations and Matthews of a constant are 0 by definition, never NaN."""
    labels = np.array([0, 1, 1, 0, 1])
    constant = np.ones(5) if name in REGRESSION_METRICS else np.ones(5, dtype=np.int64)
    expected = {"accuracy": 0.6, "f1": 0.75, "accuracy_f1": 0.675}.get(name, 0.0)
    assert METRICS[name](constant, labels) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_prediction_that_is_not_finite_gives_nan(name: str, bad: float) -> None:
    """It is never dropped and never counted as merely wrong; nor is a label."""
    assert math.isnan(METRICS[name](np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, bad])))
    assert math.isnan(METRICS[name](np.array([0.0, 1.0, bad]), np.array([0.0, 1.0, 1.0])))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_lengths_must_agree(name: str) -> None:
    """Broadcasting (3, 1) against (3,) would give a plausible wrong number."""
    with pytest.raises(ValueError, match="one length"):
        METRICS[name](np.zeros((3, 1)), np.zeros(3))
