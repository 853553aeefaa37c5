"""Scores of predicted classes, from the counts of a confusion matrix.

``counts[..., actual, predicted]`` is how many examples of one class were taken for another. Every function takes many
matrices at once, so that a bootstrap over the examples is one call on multinomial draws of the counts. Where a score
divides by zero because predictions or labels are constant its value is 0; a class that neither is predicted nor occurs
is in no mean over classes (as in scikit-learn).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64, Int

Counts = NDArray[np.float64]
"""Shape (..., classes, classes). Floats: products of squared counts pass 2^63 from some 55,000 examples on."""


def confusion(
    predictions: Int[np.ndarray, " examples"], labels: Int[np.ndarray, " examples"], classes: int
) -> Float64[np.ndarray, "classes classes"]:
    """Counts (classes, classes) from class indices (examples,)."""
    cells = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.float64)


def accuracy(counts: Counts) -> Any:
    """Fraction of predictions that equal their label, 0 to 1."""
    return _right(counts).sum(axis=-1) / counts.sum(axis=(-2, -1))


def f1(counts: Counts, index: int = 1) -> Any:
    """F1 of one class: 2 TP / (2 TP + FP + FN), and 0 where it neither is predicted nor occurs."""
    return f1_by_class(counts)[..., index]


def accuracy_f1(counts: Counts) -> Any:
    """Mean of accuracy and F1 of the second class, GLUE's single number for MRPC and QQP."""
    return (accuracy(counts) + f1(counts)) / 2


def macro_f1(counts: Counts) -> Any:
    """Mean of the classes' F1, each class counting alike."""
    return f1_by_class(counts).sum(axis=-1) / (_actual(counts) + _predicted(counts) > 0).sum(axis=-1)


def weighted_f1(counts: Counts) -> Any:
    """Mean of the classes' F1, each class counting by its examples."""
    return (f1_by_class(counts) * _actual(counts)).sum(axis=-1) / counts.sum(axis=(-2, -1))


def balanced_accuracy(counts: Counts) -> Any:
    """Mean of the classes' recall; 1 / classes for a prediction that never changes."""
    return recall_by_class(counts).sum(axis=-1) / (_actual(counts) > 0).sum(axis=-1)


def matthews(counts: Counts) -> Any:
    """Matthews correlation, -1 to 1; with more than two classes its generalisation R_K (Gorodkin, 2004, equation 8)."""
    actual, predicted, total = _actual(counts), _predicted(counts), counts.sum(axis=(-2, -1))
    covariance = _right(counts).sum(axis=-1) * total - (predicted * actual).sum(axis=-1)
    spreads = [total**2 - (each**2).sum(axis=-1) for each in (predicted, actual)]
    return _ratio(covariance, np.sqrt(spreads[0]) * np.sqrt(spreads[1]))


def precision_by_class(counts: Float64[np.ndarray, "*batch classes classes"]) -> Float64[np.ndarray, "*batch classes"]:
    """Precision of each class, (..., classes): the fraction of the examples taken for it that are of it."""
    fractions: NDArray[np.float64] = _ratio(_right(counts), _predicted(counts))
    return fractions


def recall_by_class(counts: Float64[np.ndarray, "*batch classes classes"]) -> Float64[np.ndarray, "*batch classes"]:
    """Recall of each class, (..., classes): the fraction of its examples that were taken for it."""
    fractions: NDArray[np.float64] = _ratio(_right(counts), _actual(counts))
    return fractions


def f1_by_class(counts: Float64[np.ndarray, "*batch classes classes"]) -> Float64[np.ndarray, "*batch classes"]:
    """Harmonic mean of precision and recall, (..., classes)."""
    fractions: NDArray[np.float64] = _ratio(2 * _right(counts), _actual(counts) + _predicted(counts))
    return fractions


def class_scores(counts: Counts, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support (number of examples) of each class, by its name."""
    columns = {
        "precision": precision_by_class(counts),
        "recall": recall_by_class(counts),
        "f1": f1_by_class(counts),
        "support": _actual(counts).astype(np.int64),
    }
    return {name: {key: column[i].item() for key, column in columns.items()} for i, name in enumerate(classes)}


def _right(counts: Counts) -> Counts:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _actual(counts: Counts) -> Counts:
    result: Counts = counts.sum(axis=-1)
    return result


def _predicted(counts: Counts) -> Counts:
    result: Counts = counts.sum(axis=-2)
    return result


def _ratio(above: Any, below: Any) -> Any:
    """``above / below``, and 0 where that divides by zero."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return np.divide(above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below != 0)[()]
