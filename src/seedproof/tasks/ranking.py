"""AUROC: how well the outputs rank the examples of a class above all others, whatever threshold would be chosen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64, Num


def auroc(outputs: Num[np.ndarray, "examples classes"], labels: Num[np.ndarray, " examples"]) -> float:
    """Area under the ROC curve: the probability that an example of a class is ranked above one of another, ties a half.

    With more than two classes the mean over the classes, each against all others. A class without examples, or that has
    all of them, is in no mean; without any other class the area is NaN.

    Args:
        outputs: logits (examples, classes).
        labels: class indices (examples,).
    """
    return auroc_with_error(outputs, labels)[0]


def auroc_with_error(
    outputs: Num[np.ndarray, "examples classes"], labels: Num[np.ndarray, " examples"]
) -> tuple[float, float]:
    """The area and its standard error over the examples, of two classes DeLong's (DeLong et al. 1988)."""
    odds = log_odds(outputs)
    # Of two classes the area is the same for both.
    classes = range(1 if odds.shape[1] == 2 else odds.shape[1])
    found = [_placements(odds[:, index], labels == index) for index in classes if 0 < (labels == index).mean() < 1]
    if not found:
        return math.nan, math.nan
    area = float(np.mean([each for each, _ in found]))
    influence = np.mean([each for _, each in found], axis=0)
    return area, math.sqrt(float((influence**2).sum())) / len(labels)


def log_odds(outputs: Num[np.ndarray, "examples classes"]) -> Float64[np.ndarray, "examples classes"]:
    """Log odds of each class against all others, (examples, classes): unlike probabilities they never round to 1."""
    values = outputs.astype(np.float64)
    others = [np.logaddexp.reduce(np.delete(values, index, axis=1), axis=1) for index in range(values.shape[1])]
    result: NDArray[np.float64] = values - np.stack(others, axis=1)
    return result


def _placements(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """The area, and by how much each example moves it, (examples,): its fraction of the other side that it beats, less the area.

    Each side is weighted by how many examples it has, corrected for the one degree of freedom that its mean takes.
    """
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    beaten = np.empty(len(scores))
    beaten[positive] = _fraction_under(below, scores[positive])
    beaten[~positive] = 1 - _fraction_under(above, scores[~positive])
    area = float(beaten[positive].mean())
    sizes = np.where(positive, len(above), len(below)).astype(np.float64)
    freedom = np.sqrt(sizes * np.maximum(sizes - 1, 1))
    return area, (beaten - area) * len(scores) / freedom


def _fraction_under(ordered: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The fraction of ``ordered`` that is under each value, equal ones a half."""
    both = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    fractions: NDArray[np.float64] = both / (2 * len(ordered))
    return fractions
