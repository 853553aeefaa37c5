"""Class weights: a loss in which the examples of a rare class count for more.

Of one class an example, the loss of a batch is sum_i w(y_i) l_i / sum_i w(y_i), PyTorch's ``cross_entropy(weight=w)``.
``balanced`` gives the class c the weight n / (K n_c), with n_c of the n training examples and K classes, which is
scikit-learn's (King and Zeng 2001, "Logistic regression in rare events data", section 4.1): all classes count alike. Of several
labels an example, w is PyTorch's ``pos_weight``, the weight of the examples that have a label, and ``balanced`` is the number
of examples that have it not by that of those that have it.

What is recorded as training loss is the loss without weights, so that it compares with other recipes' and with the label
entropy. Weights trade errors of one class for those of another: judge them by a metric that sees both, such as macro F1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote, unquote

from seedproof.errors import UserError, unknown
from seedproof.fields import Name
from seedproof.methods.base import LOSS, Effects, Method, Start, Treatment

if TYPE_CHECKING:
    import numpy as np

BALANCED = "balanced"


@dataclass(frozen=True, kw_only=True)
class ClassWeights(Method):
    """Weights of the classes in the loss (see the module for the rule)."""

    name: ClassVar[str] = "class_weights"
    description: ClassVar[str] = "weigh the loss by class, so that rare classes count (King and Zeng 2001)"
    owns: ClassVar[frozenset[str]] = frozenset((LOSS,))
    in_fleet: ClassVar[bool] = True
    order_matters: ClassVar[bool] = False

    weights: Name = BALANCED
    """balanced, or NAME=W;NAME=W: a number above 0 for each class that has not 1. Characters of a name other than letters,
    digits, blanks within it, `_`, `.` and `-` are written as in a URL: C%2B%2B=5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights != BALANCED:
            object.__setattr__(self, "weights", _written(_read(self.weights)))

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Self:
        """The method with these weights, by names of classes.

        Raises:
            UserError: a weight is no number above 0, or there is none.
        """
        if not weights:
            raise UserError("class_weights needs a weight of at least one class; give NAME=W, or balanced")
        return cls(weights=_written(weights))

    def start(self, start: Start) -> Treatment:
        """Give the weights of this run's classes."""
        import torch

        named: Any = start.model.config
        classes = [named.id2label[index] for index in range(len(named.id2label))]
        treatment = Treatment()
        values = self.values(classes, start.data.train.labels)
        treatment.effects = Effects(loss_weights=torch.tensor(values, dtype=torch.float32))
        return treatment

    def values(self, classes: Sequence[str], labels: np.ndarray) -> list[float]:
        """The weight of each class.

        Args:
            classes: their names.
            labels: of the training set: class indices (examples,), or 0 and 1 (examples, classes).

        Raises:
            UserError: the labels are targets of a regression, or a weight is of no class.
        """
        import numpy as np

        if labels.dtype.kind == "f":
            raise UserError("class_weights needs classes, and the task is a regression; leave them out")
        if self.weights != BALANCED:
            given = _read(self.weights)
            for name in given:
                if name not in classes:
                    raise unknown("class", name, classes, where="class_weights")
            return [given.get(name, 1.0) for name in classes]
        if labels.ndim == 2:
            present = labels.sum(axis=0)
            above = len(labels) - present
        else:
            present = np.bincount(labels, minlength=len(classes)) * len(classes)
            above = np.full(len(classes), len(labels))
        # A class without examples, or a label that all examples have, has nothing to weigh.
        return [float(a / p) if a and p else 1.0 for a, p in zip(above, present, strict=True)]


def _read(text: str) -> dict[str, float]:
    """Weights by names of classes."""
    weights: dict[str, float] = {}
    for part in text.split(";"):
        name, equals, number = part.strip().rpartition("=")
        if not equals:
            raise UserError(
                f"class_weights: {part.strip()!r} is neither {BALANCED} nor NAME=W; write e.g. spam=5;ham=1"
            )
        if (name := unquote(name.strip())) in weights:
            raise UserError(f"class_weights: the class {name!r} stands twice; give it once")
        try:
            weights[name] = float(number)
        except ValueError:
            raise _no_weight(name, number) from None
        _check(name, weights[name])
    return weights


def _written(weights: Mapping[str, float]) -> str:
    """One text for the same weights: by name, numbers as short as they can be."""
    for name, weight in weights.items():
        _check(name, weight)
    return ";".join(f"{_quoted(name)}={_number(weights[name])}" for name in sorted(weights))


def _number(weight: float) -> str:
    """The weight as a text that is as short as it can be without being another number."""
    short = f"{weight:g}"
    return short if float(short) == weight else repr(float(weight)).removesuffix(".0")


def _quoted(name: str) -> str:
    """The name with what has a meaning in this text as in a URL; so are blanks at its ends, which reading takes off."""
    inner = name.strip(" ")
    begin = len(name) - len(name.lstrip(" "))
    quoted = "".join(each if each.isalnum() or each in "_.- " else quote(each, safe="") for each in inner)
    return f"{'%20' * begin}{quoted}{'%20' * (len(name) - begin - len(inner))}"


def _check(name: str, weight: object) -> None:
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight) or weight <= 0:
        raise _no_weight(name, weight)


def _no_weight(name: str, weight: object) -> UserError:
    return UserError(f"class_weights: the weight {weight!r} of the class {name!r} is no number above 0")
