"""What computes a metric: from predicted classes, from any of several labels, from a ranking, or from numbers.

Whatever the metric, a larger score is better and the majority score is the best that a prediction which never changes can
have, so that "better than a constant prediction" is one comparison. An error, such as the MAE, is therefore negated, as in
scikit-learn's scorers (``neg_mean_absolute_error``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks import confusion, correlations, multi_label, ranking

Weights = NDArray[np.float64]
"""How often each example was drawn, (resamples, examples)."""


@dataclass(frozen=True, eq=False)
class Metric(ABC):
    """A metric for the labels of a task; :func:`seedproof.tasks.metrics.find_metric` makes it."""

    best: ClassVar[float] = 1.0
    """The score of a prediction that is right everywhere."""

    name: str
    """Name as in :data:`seedproof.tasks.metrics.METRICS`, or with the class that it is of: ``f1:NAME``."""
    title: str
    """What people call it; of one class with its name."""
    classes: tuple[str, ...]
    positive: str | None = None
    """The class that it is of, where it is of one."""

    def score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        """The score of outputs, logits (examples, classes), or (examples, 1) for regression; NaN if one is not finite."""
        if not (np.isfinite(outputs).all() and np.isfinite(labels).all()):
            return float("nan")
        return float(self._score(outputs, labels))

    @abstractmethod
    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        """The score of finite outputs."""

    @abstractmethod
    def majority(self, labels: NDArray[Any]) -> float:
        """The best score of a prediction that never changes; of correlations 0, of AUROC a half, by definition."""

    def is_defined(self, labels: NDArray[Any]) -> bool:
        """Whether these labels let it tell a good prediction from a bad one: they differ, and of one class some are and some not.

        Decided by the labels alone, so it favours no prediction.
        """
        if self.positive is None:
            return bool((labels != labels[:1]).any())
        side = self.of_positive(labels)
        return bool(side.any() and not side.all())

    def check_defined(self, labels: NDArray[Any], where: str) -> None:
        """Refuse to judge by it where these labels of a development set let it say nothing, whatever a run answers.

        Raises:
            UserError: names ``where``, the metric and its class.
        """
        if self.is_defined(labels):
            return
        found = "all are" if self.positive is None or self.of_positive(labels).any() else "none is"
        raise UserError(
            f"{where}: the metric {self.name!r} says nothing on the development set: of its {len(labels):,} examples {found} of "
            f"{self.positive or 'one class'!r}; give a development set (--dev) with examples of it and of others, another "
            "--split-seed where one is held out, or another --metric"
        )

    def of_positive(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each example (examples,) is of the one class; of a metric of one class alone."""
        assert self.positive is not None
        index = self.classes.index(self.positive)
        found: NDArray[np.bool_] = labels[:, index] == 1 if labels.ndim == 2 else labels == index
        return found

    def resampled(self, outputs: NDArray[Any], labels: NDArray[Any], weights: Weights) -> NDArray[np.float64]:
        """The score of each bootstrap sample of the examples, (resamples,), where no better interval is known."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class OfClasses(Metric):
    """A metric of the predicted class of each example, from the confusion matrix."""

    of_counts: Callable[[confusion.Counts], Any] = confusion.accuracy
    """Scores of confusion matrices (..., classes, classes)."""

    def counts(self, outputs: NDArray[Any], labels: NDArray[Any]) -> confusion.Counts:
        """The confusion matrix of outputs."""
        return confusion.confusion(np.argmax(outputs, axis=1), labels, len(self.classes))

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return float(self.of_counts(self.counts(outputs, labels)))

    def majority(self, labels: NDArray[Any]) -> float:
        """The best of the classes, predicted always."""
        constants = (np.full(len(labels), index) for index in range(len(self.classes)))
        return max(
            float(self.of_counts(confusion.confusion(constant, labels, len(self.classes)))) for constant in constants
        )


@dataclass(frozen=True, eq=False)
class OfLabels(Metric):
    """A metric of the predicted labels of each example, from counts by label; ``multi_label.MEANS`` has them by name."""

    @property
    def _mean(self) -> Callable[[confusion.Counts], Any]:
        if self.positive is not None:
            return partial(multi_label.f1, index=self.classes.index(self.positive))
        return multi_label.MEANS[self.name]

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return float(self._mean(multi_label.counts(multi_label.predicted(outputs), labels)))

    def majority(self, labels: NDArray[Any]) -> float:
        """The best of all sets of labels that are prefixes of the labels by frequency.

        Of F1, of one label or a mean over them, the best is among these: a label that is predicted always has a higher F1
        than one that never is, and what all labels share (micro F1) is best served by the commonest.
        """
        order = np.argsort(-labels.sum(axis=0), kind="stable")
        constants = np.zeros((len(order) + 1, len(order)), np.int64)
        for size in range(1, len(order) + 1):
            constants[size, order[:size]] = 1
        return max(
            float(self._mean(multi_label.counts(np.broadcast_to(each, labels.shape), labels))) for each in constants
        )

    def resampled(self, outputs: NDArray[Any], labels: NDArray[Any], weights: Weights) -> NDArray[np.float64]:
        """Scores of the samples, from the counts of each."""
        scores: NDArray[np.float64] = self._mean(multi_label.counts(multi_label.predicted(outputs), labels, weights))
        return scores


@dataclass(frozen=True, eq=False)
class ExactMatch(Metric):
    """The fraction of the examples of which every label is right: scikit-learn's accuracy of several labels."""

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return float((multi_label.predicted(outputs) == labels).all(axis=1).mean())

    def majority(self, labels: NDArray[Any]) -> float:
        """The fraction of the commonest set of labels."""
        return float(np.unique(labels, axis=0, return_counts=True)[1].max() / len(labels))


@dataclass(frozen=True, eq=False)
class Auroc(Metric):
    """AUROC: how well the outputs rank the examples of each class or label above all others."""

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return ranking.auroc(outputs, labels)

    def majority(self, labels: NDArray[Any]) -> float:  # noqa: ARG002
        """A half, by definition."""
        return 0.5


@dataclass(frozen=True, eq=False)
class AveragePrecision(Metric):
    """Average precision: of one class, or the mean over classes or labels, each against all others."""

    def _sides(self, outputs: NDArray[Any], labels: NDArray[Any]) -> ranking.Sides:
        return ranking.sides(outputs, labels, None if self.positive is None else self.classes.index(self.positive))

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return ranking.average_precision(self._sides(outputs, labels))

    def majority(self, labels: NDArray[Any]) -> float:
        """Score of examples that are all ranked alike: the fraction that is of the class."""
        return self._score(np.zeros((len(labels), len(self.classes))), labels)

    def resampled(self, outputs: NDArray[Any], labels: NDArray[Any], weights: Weights) -> NDArray[np.float64]:
        """Scores by the weighted examples."""
        return ranking.weighted_average_precision(self._sides(outputs, labels), weights)


_OF_TARGETS: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], float]] = {
    "pearson": correlations.pearson,
    "spearman": correlations.spearman,
    "pearson_spearman": correlations.pearson_spearman,
}


@dataclass(frozen=True, eq=False)
class Correlation(Metric):
    """A correlation of outputs and targets; 0 where either is constant."""

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return float(_OF_TARGETS[self.name](outputs[:, 0], labels))

    def majority(self, labels: NDArray[Any]) -> float:  # noqa: ARG002
        """0, by definition."""
        return 0.0


@dataclass(frozen=True, eq=False)
class NegativeError(Metric):
    """Minus the mean absolute error, in the unit of the targets."""

    best: ClassVar[float] = 0.0

    def _score(self, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        return -float(np.abs(outputs[:, 0].astype(np.float64) - labels).mean())

    def majority(self, labels: NDArray[Any]) -> float:
        """Score of the median, which no other constant is nearer to the targets than."""
        return -float(np.abs(labels - np.median(labels)).mean())

    def resampled(self, outputs: NDArray[Any], labels: NDArray[Any], weights: Weights) -> NDArray[np.float64]:
        """The weighted mean."""
        errors = np.abs(outputs[:, 0].astype(np.float64) - labels)
        means: NDArray[np.float64] = -(weights @ errors) / len(labels)
        return means
