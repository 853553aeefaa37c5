"""Scores of real-valued predictions: Pearson's and Spearman's correlation, and their mean.

Where a side is constant the value is 0, so that a run that predicts one number scores exactly the majority score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64, Num


def pearson(predictions: Num[np.ndarray, " examples"], targets: Num[np.ndarray, " examples"]) -> float:
    """Pearson's correlation, -1 to 1; 0 where either side is constant."""
    if np.ptp(predictions) == 0 or np.ptp(targets) == 0:
        return 0.0
    return float(np.clip(np.dot(_unit(predictions), _unit(targets)), -1.0, 1.0))


def spearman(predictions: Num[np.ndarray, " examples"], targets: Num[np.ndarray, " examples"]) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of their ranks."""
    return pearson(ranks(predictions), ranks(targets))


def pearson_spearman(predictions: Num[np.ndarray, " examples"], targets: Num[np.ndarray, " examples"]) -> float:
    """Mean of Pearson's and Spearman's correlation, GLUE's single number for STS-B."""
    return (pearson(predictions, targets) + spearman(predictions, targets)) / 2


def ranks(values: Num[np.ndarray, " values"]) -> Float64[np.ndarray, " values"]:
    """Rank from 1, equal values sharing their mean rank."""
    _, positions, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[positions]


def _unit(values: NDArray[Any]) -> NDArray[np.float64]:
    """Centre values that are not constant and scale them to length 1."""
    # The two divisions by a maximum keep squares of very large or very small numbers representable.
    scaled = values.astype(np.float64) / np.max(np.abs(values))
    centred = scaled - scaled.mean()
    centred /= np.max(np.abs(centred))
    return cast("NDArray[np.float64]", centred / np.linalg.norm(centred))
