"""AUROC and average precision: how well the outputs rank the examples of a class above all others, whatever the threshold.

With more than two classes, or several labels an example, both are the mean over them, each against all others. A class
without examples, or that has all of them, is in no mean; without any other class the number is NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int, Num


class Sides(NamedTuple):
    """The examples as each class or label ranks them, a column each."""

    scores: Float64[np.ndarray, "examples columns"]
    positive: Bool[np.ndarray, "examples columns"]
    """Whether an example is of the class."""

    def split(self) -> list[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        """Scores (examples,) and sides (examples,) of each column that has both sides."""
        return [
            (self.scores[:, index], side)
            for index, side in enumerate(self.positive.T)
            if 0 < np.count_nonzero(side) < len(side)
        ]


def sides(
    outputs: Num[np.ndarray, "examples classes"],
    labels: Int[np.ndarray, " examples *classes"],
    index: int | None = None,
) -> Sides:
    """The examples by class, or of the class ``index`` alone; of two classes the first alone, whose area is the second's.

    Args:
        outputs: logits (examples, classes).
        labels: class indices (examples,), or 0 and 1 (examples, classes).
        index: of the one class.
    """
    if labels.ndim == 2:
        scores, positive = outputs.astype(np.float64), labels == 1
    else:
        scores, positive = log_odds(outputs), labels[:, None] == np.arange(outputs.shape[1])
        index = 0 if index is None and outputs.shape[1] == 2 else index
    return Sides(scores, positive) if index is None else Sides(scores[:, [index]], positive[:, [index]])


def auroc(outputs: Num[np.ndarray, "examples classes"], labels: Int[np.ndarray, " examples *classes"]) -> float:
    """Area under the ROC curve: the probability that an example of a class is ranked above one of another, ties a half.

    Args:
        outputs: logits (examples, classes).
        labels: class indices (examples,), or 0 and 1 (examples, classes).
    """
    return auroc_with_error(outputs, labels)[0]


def auroc_with_error(
    outputs: Num[np.ndarray, "examples classes"], labels: Int[np.ndarray, " examples *classes"]
) -> tuple[float, float]:
    """The area and its standard error over the examples, of two classes DeLong's (DeLong et al. 1988)."""
    columns = [_placements(scores, positive) for scores, positive in sides(outputs, labels).split()]
    if not columns:
        return math.nan, math.nan
    mean = float(np.mean([each for each, _ in columns]))
    influence = np.mean([each for _, each in columns], axis=0)
    return mean, math.sqrt(float((influence**2).sum())) / len(influence)


def average_precision(found: Sides) -> float:
    """Sum over thresholds of the gain in recall times the precision there; scikit-learn's ``average_precision_score``."""
    examples = len(found.scores)
    return float(weighted_average_precision(found, np.ones((1, examples)))[0])


def weighted_average_precision(
    found: Sides, weights: Float64[np.ndarray, "resamples examples"]
) -> Float64[np.ndarray, " resamples"]:
    """Average precision of each bootstrap sample, in which an example stands ``weights`` times; NaN without a positive."""
    columns = [_average_precision(scores, positive, weights) for scores, positive in found.split()]
    if not columns:
        return np.full(len(weights), math.nan)
    values, known = np.array(columns), np.isfinite(columns)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return means


def log_odds(outputs: Num[np.ndarray, "examples classes"]) -> Float64[np.ndarray, "examples classes"]:
    """Log odds of each class against all others, (examples, classes): unlike probabilities they never round to 1.

    What the others of a class add up to is the sum over all less its own part, which is exact enough while that is at most a
    half; the largest class of each example may have nearly all, so the sum of its others is made by itself.
    """
    values = outputs.astype(np.float64)
    if values.shape[1] == 2:
        return values - values[:, ::-1]
    rows, largest = np.arange(len(values)), values.argmax(axis=1)
    rest = values.copy()
    rest[rows, largest] = -np.inf
    of_rest = np.logaddexp.reduce(rest, axis=1)
    whole = np.logaddexp(values[rows, largest], of_rest)[:, None]
    with np.errstate(divide="ignore"):  # the largest class's own, which is put in its place below
        others = whole + np.log1p(-np.exp(values - whole))
    others[rows, largest] = of_rest
    result: NDArray[np.float64] = values - others
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


def _average_precision(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision of one column, for each row of weights."""
    order = np.argsort(-scores, kind="stable")
    ordered, drawn = scores[order], weights[:, order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # equal scores share a threshold
    taken = np.cumsum(drawn, axis=1)[:, ends]
    right = np.cumsum(drawn * positive[order], axis=1)[:, ends]
    precision = np.divide(right, taken, out=np.zeros_like(right), where=taken > 0)
    gained = np.diff(right, axis=1, prepend=0.0)
    with np.errstate(invalid="ignore"):  # a sample without a positive has no recall
        values: NDArray[np.float64] = (precision * gained).sum(axis=1) / right[:, -1]
    return values
