"""Scores of several labels an example, each of which is predicted or not: from counts by label.

``counts[..., label, actual, predicted]`` is how many examples that have a label (1), or have it not (0), were predicted to.
A label is predicted where its probability is above a half, its logit above 0. A label that neither is predicted nor occurs
is in no mean over labels (scikit-learn's ``zero_division=np.nan``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedproof.tasks import confusion

if TYPE_CHECKING:
    from jaxtyping import Float64, Int, Num


def predicted(outputs: Num[np.ndarray, "examples labels"]) -> Int[np.ndarray, "examples labels"]:
    """1 where a logit is above 0."""
    return (outputs > 0).astype(np.int64)


def mean_entropy(outputs: Num[np.ndarray, "examples labels"]) -> float:
    """Mean over examples and labels of the entropy of each label's distribution, nats; NaN where an output is not finite."""
    odds = outputs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        present = np.exp(-np.logaddexp(0.0, -odds))
        return float((np.logaddexp(0.0, odds) - present * odds).mean())


def counts(
    predictions: Int[np.ndarray, "examples labels"],
    labels: Int[np.ndarray, "examples labels"],
    weights: Float64[np.ndarray, "resamples examples"] | None = None,
) -> Float64[np.ndarray, "*resamples labels 2 2"]:
    """Counts by label, (labels, 2, 2); with weights, how often each example counts, (resamples, labels, 2, 2)."""
    drawn = np.ones(len(labels)) if weights is None else weights
    has, says = labels.astype(np.float64), predictions.astype(np.float64)
    both, actual, positive = drawn @ (has * says), drawn @ has, drawn @ says
    rest = drawn.sum(axis=-1)[..., None] - actual - positive + both
    cells = np.stack([rest, positive - both, actual - both, both], axis=-1)
    return cells.reshape(*cells.shape[:-1], 2, 2)


def f1(by_label: confusion.Counts, index: int) -> Any:
    """F1 of one label."""
    return _f1(by_label)[..., index]


def macro_f1(by_label: confusion.Counts) -> Any:
    """Mean of the labels' F1, each label counting alike."""
    seen = by_label[..., 1, 1] + by_label[..., 1, 0] + by_label[..., 0, 1] > 0
    return _f1(by_label).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)


def micro_f1(by_label: confusion.Counts) -> Any:
    """F1 of all labels taken together, each decision counting alike."""
    return confusion.f1(by_label.sum(axis=-3))


def weighted_f1(by_label: confusion.Counts) -> Any:
    """Mean of the labels' F1, each label counting by its examples."""
    support = by_label[..., 1, :].sum(axis=-1)
    return (_f1(by_label) * support).sum(axis=-1) / np.maximum(support.sum(axis=-1), 1)


MEANS: Mapping[str, Callable[[confusion.Counts], Any]] = MappingProxyType(
    {"macro_f1": macro_f1, "micro_f1": micro_f1, "weighted_f1": weighted_f1}
)
"""Means over labels by the metric's name."""


def label_scores(by_label: confusion.Counts, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support (number of examples that have it) of each label, by its name."""
    each = [confusion.class_scores(by_label[index], ("without", name))[name] for index, name in enumerate(names)]
    return dict(zip(names, each, strict=True))


def _f1(by_label: confusion.Counts) -> NDArray[np.float64]:
    return confusion.f1_by_class(by_label)[..., 1]
