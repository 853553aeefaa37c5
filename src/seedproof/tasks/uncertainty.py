"""How far a score may be off because the development set is finite: another set of its size would give another score.

accuracy has Wilson's interval (Wilson 1927), the correlations Fisher's z with the standard error of Bonett and Wright
(2000) for ranks, AUROC DeLong's (1988), and everything else the percentiles of a bootstrap over the examples. A sample
in which a score is not defined (average precision without an example of the class) is left out of its percentiles.

All of these take examples for independent. Those of one group (a document, a person) are right or wrong together, so where a
task has groups whole groups are drawn, too, and the ends are the farther ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from seedproof.tasks import ranking
from seedproof.tasks.judges import Auroc, Metric, OfClasses

RESAMPLES = 1000
RESAMPLES_OF_GROUPS = 500
"""Fewer, as each is scored by itself."""
CONFIDENCE = 0.95
SEED = 0
_ENDS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
_Z = float(ndtri(_ENDS[1]))
_NUMBERS = 2_000_000
"""Numbers that a batch of resamples holds at most."""


def score_interval(
    metric: Metric, outputs: NDArray[Any], labels: NDArray[Any], groups: Sequence[str] | None = None
) -> tuple[float, float]:
    """The 95 % interval of one run's score over development sets of this size.

    Args:
        metric: of the score.
        outputs: logits (examples, classes), or (examples, 1) for regression.
        labels: class indices or targets (examples,).
        groups: what each example belongs to. The ends are then no nearer than those of single examples: where a model answers
            all alike, every draw of groups scores the same.

    Returns:
        Lower and upper end; (NaN, NaN) where an output is not finite, or too few examples or groups say nothing.
    """
    score = metric.score(outputs, labels)
    if math.isnan(score):
        return math.nan, math.nan
    low, high = _of_examples(metric, score, outputs, labels)
    if groups is None:
        return low, high
    drawn = _drawn_by_groups(metric, outputs, labels, np.unique(groups, return_inverse=True)[1])
    if not len(drawn):
        return math.nan, math.nan
    ends = np.quantile(drawn, _ENDS)
    return float(np.fmin(low, ends[0])), float(np.fmax(high, ends[1]))


def _of_examples(metric: Metric, score: float, outputs: NDArray[Any], labels: NDArray[Any]) -> tuple[float, float]:
    """The interval of a score where no two examples belong together."""
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
    low, high = np.nanquantile(scores, _ENDS)
    return float(low), float(high)


def _drawn_by_groups(
    metric: Metric, outputs: NDArray[Any], labels: NDArray[Any], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The scores of draws of whole groups, by their numbers (examples,), in which it is defined; none of a single group."""
    generator, count = np.random.default_rng(SEED), int(groups.max()) + 1
    scores: list[float] = []
    for times in generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES_OF_GROUPS if count > 1 else 0):
        chosen = np.repeat(np.arange(len(groups)), times[groups])
        if metric.is_defined(labels[chosen]):
            scores.append(metric.score(outputs[chosen], labels[chosen]))
    return np.array(scores)


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
