"""The section of a card on the development set: the other metrics, and what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedproof.fitting.card.markdown import number, table
from seedproof.fitting.card.told import Told
from seedproof.tasks.confusion import confusion
from seedproof.tasks.metrics import title_of

if TYPE_CHECKING:
    from seedproof.fitting.judgement import Judgement


MOST_CLASSES = 12
"""Classes up to which the confusion table is whole; of more, the commonest confusions are listed."""
CONFUSIONS = 12
"""Number of the commonest confusions that are listed then."""


def answers(judgement: Judgement, told: Told) -> list[str]:
    """The other metrics, and what was taken for what."""
    task, outputs, labels = told.task, judgement.outputs, told.task.dev.labels
    others = {name: value for name, value in task.score({"dev": outputs}).items() if name != task.metric}
    lines = (
        [f"Also: {', '.join(f'{title_of(name)} {number(value)}' for name, value in others.items())}."] if others else []
    )
    if told.problem_type == "regression":
        errors = np.abs(outputs[:, 0] - labels)
        found = (number(value) for value in (errors.mean(), np.median(errors), errors.max()))
        return [*lines, "Absolute error: mean {}, median {}, largest {}.".format(*found)]
    if told.problem_type == "multi_label_classification":
        return [*lines, _of_labels(outputs > 0, labels.astype(bool), task.classes)]
    counts = confusion(task.predictions(outputs), labels, len(task.classes))
    return [*lines, *_of_classes(counts, task.classes)]


def _of_classes(counts: NDArray[np.float64], classes: Sequence[str]) -> list[str]:
    """The confusion matrix, or the commonest confusions of one that is too large to look at."""
    if len(classes) <= MOST_CLASSES:
        rows = [[name, *(f"{value:.0f}" for value in row)] for name, row in zip(classes, counts, strict=True)]
        return [table(["true \\ predicted", *classes], rows)]
    wrong = counts - np.diag(np.diag(counts))
    commonest = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [np.unravel_index(index, wrong.shape) for index in commonest if wrong.flat[index]]
    rows = [
        [classes[true], classes[other], f"{wrong[true, other]:.0f}", f"{counts[true].sum():.0f}"]
        for true, other in pairs
    ]
    return ["The commonest confusions:", table(["true", "predicted", "examples", "of"], rows)]


def _of_labels(predicted: NDArray[np.bool_], true: NDArray[np.bool_], classes: Sequence[str]) -> str:
    sides = (predicted & true, predicted & ~true, ~predicted & true, ~predicted & ~true)
    totals = np.stack([side.sum(axis=0) for side in sides], axis=1)
    rows = [[name, *map(str, total)] for name, total in zip(classes, totals.tolist(), strict=True)]
    return table(["label", "found", "false alarm", "missed", "rightly absent"], rows)
