"""The numbers a task is judged by: accuracy, F1, Matthews, Pearson, Spearman and the means that GLUE reports.

Definitions follow GLUE (Wang et al., 2019, table 1) with two rules of this project. Where a metric divides by zero
because the predictions or the labels are constant, its value is 0, so that a run that predicts one class always scores
exactly the majority score. A prediction that is not finite makes the metric NaN; it is never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
"""Predictions (n,) and labels (n,) give one number: class indices, or real numbers for the correlations."""


def accuracy(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """Share of predictions that equal their label, 0 to 1."""
    if not _comparable(predictions, labels):
        return float("nan")
    return float(np.mean(predictions == labels))


def f1(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """F1 of class index 1: 2 TP / (2 TP + FP + FN), and 0 where nothing is predicted or labelled positive."""
    if not _comparable(predictions, labels):
        return float("nan")
    true_positives = int(np.sum((predictions == 1) & (labels == 1)))
    positives = int(np.sum(predictions == 1)) + int(np.sum(labels == 1))
    return 2 * true_positives / positives if positives else 0.0


def accuracy_f1(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """Mean of accuracy and F1, GLUE's single number for MRPC and QQP."""
    return (accuracy(predictions, labels) + f1(predictions, labels)) / 2


def matthews(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """Matthews correlation, -1 to 1; with more than two classes its generalisation R_K (Gorodkin, 2004, equation 8)."""
    if not _comparable(predictions, labels):
        return float("nan")
    classes, positions = np.unique(np.concatenate([predictions, labels]), return_inverse=True)
    predicted, actual = np.split(positions, [len(predictions)])
    # Counts as floats: products of squared counts pass 2**63 from some 55,000 examples on.
    predicted_counts = np.bincount(predicted, minlength=len(classes)).astype(np.float64)
    actual_counts = np.bincount(actual, minlength=len(classes)).astype(np.float64)
    total, correct = float(len(labels)), float(np.sum(predicted == actual))
    spread_predicted = total**2 - float(predicted_counts @ predicted_counts)
    spread_actual = total**2 - float(actual_counts @ actual_counts)
    if spread_predicted == 0 or spread_actual == 0:
        return 0.0
    covariance = correct * total - float(predicted_counts @ actual_counts)
    return covariance / float(np.sqrt(spread_predicted) * np.sqrt(spread_actual))


def pearson(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """Pearson's correlation, -1 to 1; 0 where either side is constant."""
    if not _comparable(predictions, labels):
        return float("nan")
    if np.ptp(predictions) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(np.clip(np.dot(_unit(predictions), _unit(labels)), -1.0, 1.0))


def spearman(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of their ranks."""
    if not _comparable(predictions, labels):
        return float("nan")
    return pearson(_ranks(predictions), _ranks(labels))


def pearson_spearman(predictions: NDArray[Any], labels: NDArray[Any]) -> float:
    """Mean of Pearson's and Spearman's correlation, GLUE's single number for STS-B."""
    return (pearson(predictions, labels) + spearman(predictions, labels)) / 2


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "accuracy": accuracy,
        "f1": f1,
        "accuracy_f1": accuracy_f1,
        "matthews": matthews,
        "pearson": pearson,
        "spearman": spearman,
        "pearson_spearman": pearson_spearman,
    }
)
"""Every metric by its name."""

REGRESSION_METRICS = frozenset({"pearson", "spearman", "pearson_spearman"})
"""Metrics of real-valued predictions; the others are of class indices."""


def _comparable(predictions: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Check the shapes; say whether every number is finite."""
    if predictions.ndim != 1 or predictions.shape != labels.shape or not len(labels):
        raise ValueError(
            f"a metric needs predictions and labels of one length, found {predictions.shape} and {labels.shape}"
        )
    return bool(np.isfinite(predictions).all() and np.isfinite(labels).all())


def _unit(values: NDArray[Any]) -> NDArray[np.float64]:
    """Centre values that are not constant and scale them to length 1."""
    # The two divisions by a maximum keep squares of very large or very small numbers representable.
    scaled = values.astype(np.float64) / np.max(np.abs(values))
    centred = scaled - scaled.mean()
    centred /= np.max(np.abs(centred))
    return cast("NDArray[np.float64]", centred / np.linalg.norm(centred))


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Rank from 1, equal values sharing their mean rank."""
    _, positions, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[positions]
