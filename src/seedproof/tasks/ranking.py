"""AUROC: how well the outputs rank the examples of a class above all others, whatever threshold would be chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def auroc(outputs: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Area under the ROC curve: the chance that an example of a class is ranked above one of another, ties a half.

    With more than two classes the mean over the classes, each against all others. A class without examples, or that has
    all of them, is in no mean; without any other class the area is NaN.

    Args:
        outputs: logits (examples, classes).
        labels: class indices (examples,).
        weights: how often each example counts, (samples, examples); None: once, one sample.

    Returns:
        (samples,).
    """
    odds = log_odds(outputs)
    weights = np.ones((1, len(labels))) if weights is None else weights
    # Of two classes the area is the same for both.
    classes = range(1 if odds.shape[1] == 2 else odds.shape[1])
    areas = np.array([_area(odds[:, index], labels == index, weights) for index in classes])
    known = (~np.isnan(areas)).sum(axis=0)
    total = np.nansum(areas, axis=0)
    return _divided(total, known)


def log_odds(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Log odds of each class against all others, (examples, classes): unlike probabilities they never round to 1."""
    values = outputs.astype(np.float64)
    others = [np.logaddexp.reduce(np.delete(values, index, axis=1), axis=1) for index in range(values.shape[1])]
    result: NDArray[np.float64] = values - np.stack(others, axis=1)
    return result


def _area(scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[Any]) -> NDArray[np.float64]:
    order = np.argsort(scores, kind="stable")
    _, starts = np.unique(scores[order], return_index=True)
    above, below = (np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in (positive, ~positive))
    lower = below.cumsum(axis=1) - below / 2
    pairs = above.sum(axis=1) * below.sum(axis=1)
    return _divided((above * lower).sum(axis=1), pairs)


def _divided(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """``above / below``, NaN where that is undefined."""
    result: NDArray[np.float64] = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return result
