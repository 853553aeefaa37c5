"""How far a score may be off because the development set is finite: another set of its size would give another score.

accuracy has Wilson's interval (Wilson 1927), the correlations Fisher's z with the standard error of Bonett and Wright
(2000) for ranks, AUROC DeLong's (1988), and everything else the percentiles of a bootstrap over the examples. A sample
in which a score is not defined (average precision without an example of the class) is left out of its percentiles.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from seedproof.tasks import ranking
from seedproof.tasks.judges import Auroc, Metric, OfClasses

RESAMPLES = 1000
CONFIDENCE = 0.95
SEED = 0
_Z = float(ndtri((1 + CONFIDENCE) / 2))
_NUMBERS = 2_000_000
"""Numbers that a batch of resamples holds at most."""


def score_interval(metric: Metric, outputs: NDArray[Any], labels: NDArray[Any]) -> tuple[float, float]:
    """The 95 % interval of one run's score over development sets of this size.

    Args:
        metric: of the score.
        outputs: logits (examples, classes), or (examples, 1) for regression.
        labels: class indices or targets (examples,).

    Returns:
        Lower and upper end; (NaN, NaN) where an output is not finite, or too few examples say nothing.
    """
    score = metric.score(outputs, labels)
    if math.isnan(score):
        return math.nan, math.nan
    if (known := known_interval(metric.name, score, len(labels))) is not None:
        return known
    if isinstance(metric, Auroc):
        return _of_auroc(*ranking.auroc_with_error(outputs, labels))
    scores = (
        _resampled_counts(metric, outputs, labels)
        if isinstance(metric, OfClasses)
        else _resampled(metric, outputs, labels)
    )
    if not np.isfinite(scores).any():
        return math.nan, math.nan
    low, high = np.nanquantile(scores, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def known_interval(metric: str, score: float, examples: int) -> tuple[float, float] | None:
    """The interval where the score and the number of examples suffice; None where the outputs are needed."""
    if metric == "accuracy":
        return _wilson(score, examples)
    if metric not in ("pearson", "spearman", "pearson_spearman"):
        return None
    if examples < 4:
        return math.nan, math.nan
    # The mean of both takes the larger error of the two.
    variance = (1.0 if metric == "pearson" else 1 + score**2 / 2) / (examples - 3)
    spread = _Z * math.sqrt(variance)
    centre = math.atanh(max(-1 + 1e-15, min(1 - 1e-15, score)))
    return math.tanh(centre - spread), math.tanh(centre + spread)


def _of_auroc(area: float, error: float) -> tuple[float, float]:
    """Interval of an AUROC on the scale of log odds, which keeps it between 0 and 1."""
    if not 0 < area < 1:
        return area, area
    spread, centre = _Z * error / (area * (1 - area)), math.log(area / (1 - area))
    low, high = (1 / (1 + math.exp(-max(-700.0, centre + sign * spread))) for sign in (-1, 1))
    return low, high


def _wilson(fraction: float, examples: int) -> tuple[float, float]:
    spread = _Z * math.sqrt(_Z**2 / 4 + examples * fraction * (1 - fraction))
    low, high = ((examples * fraction + _Z**2 / 2 + sign * spread) / (examples + _Z**2) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def _resampled_counts(metric: OfClasses, outputs: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """The score of every bootstrap sample, (RESAMPLES,), of a metric of predicted classes."""
    generator = np.random.default_rng(SEED)
    examples, classes = outputs.shape
    # Drawing examples and counting them is drawing the counts; with many classes most are 0 and stay so.
    counts = metric.counts(outputs, labels).ravel()
    seen = np.flatnonzero(counts)
    parts = []
    for rows in _batches(classes * classes):
        drawn = np.zeros((rows, classes * classes))
        drawn[:, seen] = generator.multinomial(examples, counts[seen] / examples, size=rows)
        parts.append(metric.of_counts(drawn.reshape(rows, classes, classes)))
    return np.concatenate(parts)


def _resampled(metric: Metric, outputs: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """The score of every bootstrap sample, (RESAMPLES,), of any other metric, from how often each example is drawn."""
    generator = np.random.default_rng(SEED)
    examples = len(outputs)
    chances = np.full(examples, 1 / examples)
    return np.concatenate(
        [
            metric.resampled(outputs, labels, generator.multinomial(examples, chances, size=rows).astype(np.float64))
            for rows in _batches(examples)
        ]
    )


def _batches(numbers: int) -> list[int]:
    """How many resamples of so many numbers each are drawn at a time."""
    rows = max(1, _NUMBERS // numbers)
    return [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
