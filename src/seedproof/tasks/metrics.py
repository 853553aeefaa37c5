"""The numbers a task can be judged by, each by its name.

Definitions follow GLUE (Wang et al., 2019, table 1) and scikit-learn, with two rules of this project. Where a score
divides by zero because the predictions or the labels are constant, its value is 0, so that a run that predicts one class
always scores exactly the majority score. An output that is not finite makes the score NaN; it is never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError, unknown
from seedproof.tasks import confusion, correlations, ranking

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "f1": "F1",
        "accuracy_f1": "mean of accuracy and F1",
        "matthews": "Matthews correlation",
        "macro_f1": "macro F1",
        "weighted_f1": "weighted F1",
        "balanced_accuracy": "balanced accuracy",
        "auroc": "AUROC",
        "pearson": "Pearson correlation",
        "spearman": "Spearman correlation",
        "pearson_spearman": "mean of Pearson and Spearman correlation",
    }
)
"""Every metric by its name, and what people call it. ``f1:NAME`` is F1 of the class NAME; ``f1`` alone, of two classes,
that of the second."""

_OF_COUNTS: Mapping[str, Callable[[confusion.Counts], Any]] = {
    "accuracy": confusion.accuracy,
    "matthews": confusion.matthews,
    "macro_f1": confusion.macro_f1,
    "weighted_f1": confusion.weighted_f1,
    "balanced_accuracy": confusion.balanced_accuracy,
}
_OF_TARGETS: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], float]] = {
    "pearson": correlations.pearson,
    "spearman": correlations.spearman,
    "pearson_spearman": correlations.pearson_spearman,
}
_RARE = 0.4
"""A class is rare that has less than this fraction of what it would have were all classes alike: of two classes less than
20 % of the examples, of three less than 13 %."""


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric for the classes of a task; :func:`find_metric` makes it."""

    name: str
    """Name as in :data:`METRICS`, or ``f1:NAME``."""
    classes: tuple[str, ...]
    positive: str | None = None
    """The class that F1 is of."""
    of_counts: Callable[[confusion.Counts], Any] | None = None
    """Scores of confusion matrices (..., classes, classes), where the metric is of predicted classes."""

    @property
    def title(self) -> str:
        """What people call it; of F1 with its class."""
        return title_of(self.name, self.positive)

    def score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        """The score of outputs, logits (examples, classes), or (examples, 1) for regression; NaN if one is not finite."""
        if not (np.isfinite(outputs).all() and np.isfinite(labels).all()):
            return float("nan")
        if self.of_counts is not None:
            return float(self.of_counts(self.counts(outputs, labels)))
        if self.name == "auroc":
            return ranking.auroc(outputs, labels)
        return float(_OF_TARGETS[self.name](outputs[:, 0], labels))

    def counts(self, outputs: NDArray[Any], labels: NDArray[Any]) -> confusion.Counts:
        """The confusion matrix of outputs."""
        return confusion.confusion(np.argmax(outputs, axis=1), labels, len(self.classes))

    def majority(self, labels: NDArray[Any]) -> float:
        """The best score of a prediction that never changes; of correlations 0, of AUROC a half, by definition."""
        if self.of_counts is None:
            return 0.5 if self.name == "auroc" else 0.0
        constants = (np.full(len(labels), index) for index in range(len(self.classes)))
        return max(
            float(self.of_counts(confusion.confusion(constant, labels, len(self.classes)))) for constant in constants
        )


def find_metric(name: str, classes: Sequence[str], *, where: str = "") -> Metric:
    """The metric ``name`` for these classes (none: regression).

    Raises:
        UserError: an unknown metric or class, one that does not fit the labels, or F1 of more than two classes that
            names none of them.
    """
    prefix = f"{where}: " if where else ""
    base, colon, positive = name.partition(":")
    if base not in METRICS or (colon and base != "f1"):
        raise unknown("metric", name, [*METRICS, "f1:CLASS"], where=where)
    if (base in _OF_TARGETS) == bool(classes):
        kind = "classification" if classes else "regression"
        fitting = [metric for metric in METRICS if (metric in _OF_TARGETS) != bool(classes)]
        raise UserError(f"{prefix}metric {name!r} does not fit {kind}; give one of {', '.join(fitting)}")
    if base not in ("f1", "accuracy_f1"):
        return Metric(base, tuple(classes), of_counts=_OF_COUNTS.get(base))
    if colon and positive not in classes:
        raise unknown("class", positive, classes, where=f"{prefix}metric {name!r}")
    if not colon and len(classes) != 2:
        raise UserError(
            f"{prefix}{METRICS[base]} is defined for two classes, found {len(classes)}; name one, as in f1:{classes[0]}, "
            "or take macro_f1"
        )
    positive = positive if colon else classes[1]
    index = list(classes).index(positive)
    if base == "accuracy_f1":
        return Metric(base, tuple(classes), positive, confusion.accuracy_f1)
    # One name for one number: of two classes, F1 of the second is "f1".
    canonical = "f1" if (len(classes), index) == (2, 1) else f"f1:{positive}"
    return Metric(canonical, tuple(classes), positive, partial(confusion.f1, index=index))


def title_of(name: str, positive: str | None = None) -> str:
    """What people call a metric; F1 with its class, where that is known.

    >>> title_of("f1:spam"), title_of("accuracy_f1", "yes"), title_of("matthews")
    ("F1 of 'spam'", "mean of accuracy and F1 of 'yes'", 'Matthews correlation')
    """
    base, _, named = name.partition(":")
    positive = named or positive
    title = METRICS.get(base, base.replace("_", " "))
    return f"{title} of {positive!r}" if isinstance(positive, str) else title  # a table may have NaN for no class


def rare_class(labels: NDArray[Any], classes: Sequence[str]) -> tuple[str, float] | None:
    """The rarest class and its fraction of the labels, if that is rare; else None.

    Where a class is rare, a prediction that never changes has a high accuracy, and a run that finds every rare example at
    the cost of a few others a lower one. Matthews correlation is 0 for every such prediction.
    """
    if not classes:
        return None
    fractions = np.bincount(labels, minlength=len(classes)) / len(labels)
    rarest = int(np.argmin(fractions))
    return (classes[rarest], float(fractions[rarest])) if fractions[rarest] < _RARE / len(classes) else None


def default_metric(labels: NDArray[Any], classes: Sequence[str], metrics: Sequence[str]) -> str:
    """What judges a user's own table that names no metric: Matthews correlation where a class is rare, else the first."""
    return "matthews" if rare_class(labels, classes) else metrics[0]
