"""The numbers a task can be judged by, each by its name.

Definitions follow GLUE (Wang et al., 2019, table 1) and scikit-learn, with three rules of this project. Where a score
divides by zero because the predictions or the labels are constant, its value is 0, so that a run that predicts one class
always scores exactly the majority score. An output that is not finite makes the score NaN; it is never dropped. A larger
score is always better: an error is negated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError, unknown
from seedproof.tasks import confusion, judges
from seedproof.tasks.judges import Metric
from seedproof.tasks.split import Kind

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "f1": "F1",
        "accuracy_f1": "mean of accuracy and F1",
        "matthews": "Matthews correlation",
        "macro_f1": "macro F1",
        "micro_f1": "micro F1",
        "weighted_f1": "weighted F1",
        "balanced_accuracy": "balanced accuracy",
        "auroc": "AUROC",
        "average_precision": "average precision",
        "pearson": "Pearson correlation",
        "spearman": "Spearman correlation",
        "pearson_spearman": "mean of Pearson and Spearman correlation",
        "neg_mae": "negative mean absolute error",
    }
)
"""Every metric by its name, and what people call it. ``f1:NAME`` is F1 of the class or label NAME, ``average_precision:NAME``
its average precision; ``f1`` and ``average_precision`` alone, of two classes, are of the second. Of several labels an example,
``accuracy`` is the fraction of the examples of which every label is right."""

SPELLINGS: Mapping[str, str] = MappingProxyType({"mae": "neg_mae", "neg_mean_absolute_error": "neg_mae"})
"""Other names that are taken. The MAE is judged negated, so that a larger score is better as of every other metric."""

_OF_COUNTS: Mapping[str, Callable[[confusion.Counts], Any]] = {
    "accuracy": confusion.accuracy,
    "matthews": confusion.matthews,
    "macro_f1": confusion.macro_f1,
    "weighted_f1": confusion.weighted_f1,
    "balanced_accuracy": confusion.balanced_accuracy,
}
_FITTING: Mapping[Kind, tuple[str, ...]] = {
    "classification": (
        "accuracy",
        "f1",
        "accuracy_f1",
        "matthews",
        "macro_f1",
        "weighted_f1",
        "balanced_accuracy",
        "auroc",
        "average_precision",
    ),
    "multi-label": ("accuracy", "f1", "macro_f1", "micro_f1", "weighted_f1", "auroc", "average_precision"),
    "regression": ("pearson", "spearman", "pearson_spearman", "neg_mae"),
}
_OF_ONE = ("f1", "average_precision")
"""Metrics that may name a class."""
_RARE = 0.4
"""A class is rare that has less than this fraction of what it would have were all classes alike: of two classes less than
20 % of the examples, of three less than 13 %."""


def find_metric(name: str, classes: Sequence[str], *, kind: Kind | None = None, where: str = "") -> Metric:
    """The metric ``name`` for these classes.

    Args:
        name: out of :data:`METRICS`, or with a class behind a colon.
        classes: of the task; none in a regression.
        kind: of the task; None: a regression where there are no classes, else a classification.
        where: begins the message.

    Raises:
        UserError: an unknown metric or class, one that does not fit the labels, or F1 of more than two classes that
            names none of them.
    """
    prefix = f"{where}: " if where else ""
    kind = kind or ("classification" if classes else "regression")
    base, colon, positive = name.partition(":")
    base = SPELLINGS.get(base, base)
    if base not in METRICS or (colon and base not in _OF_ONE):
        raise unknown("metric", name, [*METRICS, *(f"{each}:CLASS" for each in _OF_ONE)], where=where)
    if base not in _FITTING[kind]:
        raise UserError(f"{prefix}metric {name!r} does not fit {kind}; give one of {', '.join(_FITTING[kind])}")
    if colon and positive not in classes:
        raise unknown("class", positive, classes, where=f"{prefix}metric {name!r}")
    has_two = kind == "classification" and len(classes) == 2
    if base in ("f1", "accuracy_f1") and not colon and not has_two:
        found = "several labels an example" if kind == "multi-label" else str(len(classes))
        raise UserError(
            f"{prefix}{METRICS[base]} is defined for two classes, found {found}; name one, as in f1:{classes[0]}, "
            "or take macro_f1"
        )
    of_one = positive if colon else classes[1] if base in (*_OF_ONE, "accuracy_f1") and has_two else None
    # One name for one number: of two classes, F1 of the second is "f1".
    canonical = base if not colon or (has_two and positive == classes[1]) else f"{base}:{positive}"
    about = (canonical, title_of(canonical, of_one), tuple(classes), of_one)
    return _made(base, kind, about)


def _made(base: str, kind: Kind, about: tuple[str, str, tuple[str, ...], str | None]) -> Metric:
    if base == "auroc":
        return judges.Auroc(*about)
    if base == "average_precision":
        return judges.AveragePrecision(*about)
    if kind == "regression":
        return judges.NegativeError(*about) if base == "neg_mae" else judges.Correlation(*about)
    if kind == "multi-label":
        return judges.ExactMatch(*about) if base == "accuracy" else judges.OfLabels(*about)
    *_, classes, positive = about
    if base == "f1" and positive is not None:
        return judges.OfClasses(*about, of_counts=partial(confusion.f1, index=classes.index(positive)))
    return judges.OfClasses(*about, of_counts=confusion.accuracy_f1 if base == "accuracy_f1" else _OF_COUNTS[base])


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
    the cost of a few others a lower one. Matthews correlation is 0 for every such prediction. None of several labels an
    example, which are not judged by accuracy unless asked.
    """
    if not classes or labels.ndim == 2:
        return None
    fractions = np.bincount(labels, minlength=len(classes)) / len(labels)
    rarest = int(np.argmin(fractions))
    return (classes[rarest], float(fractions[rarest])) if fractions[rarest] < _RARE / len(classes) else None


def default_metric(labels: NDArray[Any], classes: Sequence[str], metrics: Sequence[str]) -> str:
    """What judges a user's own table that names no metric: Matthews correlation where a class is rare, else the first."""
    return "matthews" if rare_class(labels, classes) else metrics[0]
