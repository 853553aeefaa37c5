"""What a run answered, example by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LOGIT = "logit_"
"""Begins the name of the column of each class's logit."""


def prediction_table(
    logits: Mapping[str, NDArray[Any]],
    labels: Mapping[str, NDArray[Any]],
    classes: Sequence[str],
    ids: Mapping[str, Sequence[str] | None] = MappingProxyType({}),
) -> pd.DataFrame:
    """One row per example of each evaluated split.

    Args:
        logits: per split float32 (examples, outputs).
        labels: per split the class indices or targets (examples,), or 0 and 1 (examples, classes) of several labels each.
        classes: names of the classes or labels in the order of their indices; none for regression.
        ids: per split what the user calls each example, where it is called anything.

    Returns:
        Columns ``split``, ``example`` (its number in the split, from 0), ``label`` and ``prediction`` (names of classes, or
        numbers; of several labels their names with ``; `` between), and for classes ``logit_<class>``. ``id`` where there are
        any. Where an output of an example is not finite its prediction is missing.
    """
    parts = [_of_split(name, values, labels[name], classes, ids.get(name)) for name, values in logits.items()]
    columns = ["split", "example", "label", "prediction", *(LOGIT + name for name in classes)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def joined_labels(labels: NDArray[Any], classes: Sequence[str]) -> list[str]:
    """The names of each example's labels, 0 and 1 (examples, classes), as one text."""
    return ["; ".join(name for name, has in zip(classes, row, strict=True) if has) for row in labels]


def _of_split(
    name: str, logits: NDArray[Any], labels: NDArray[Any], classes: Sequence[str], ids: Sequence[str] | None
) -> pd.DataFrame:
    frame = pd.DataFrame({"split": name, "example": np.arange(len(labels))})
    if ids is not None:
        frame = frame.assign(id=list(ids))
    if not classes:
        return frame.assign(label=labels, prediction=logits[:, 0])
    names, finite = np.asarray(classes, dtype=object), np.isfinite(logits).all(axis=1)
    if labels.ndim == 2:
        said, actual = joined_labels(logits > 0, classes), joined_labels(labels, classes)
    else:
        said, actual = names[np.where(finite[:, None], logits, 0.0).argmax(axis=1)], names[labels]
    predicted = pd.Series(said, dtype=object).where(finite, None)
    outputs = {LOGIT + each: logits[:, index] for index, each in enumerate(classes)}
    return frame.assign(label=actual, prediction=predicted, **outputs)
