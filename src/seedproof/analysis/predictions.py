"""What a run answered, example by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LOGIT = "logit_"
"""Begins the name of the column of each class's logit."""


def prediction_table(
    logits: Mapping[str, NDArray[Any]], labels: Mapping[str, NDArray[Any]], classes: Sequence[str]
) -> pd.DataFrame:
    """One row per example of each evaluated split.

    Args:
        logits: per split float32 (examples, outputs).
        labels: per split the class indices or targets (examples,).
        classes: names of the classes in the order of their indices; none for regression.

    Returns:
        Columns ``split``, ``example`` (its number in the split, from 0), ``label`` and ``prediction`` (names of classes, or
        numbers), and for classes ``logit_<class>``. Where an output of an example is not finite its prediction is missing.
    """
    parts = [_of_split(name, values, labels[name], classes) for name, values in logits.items()]
    columns = ["split", "example", "label", "prediction", *(LOGIT + name for name in classes)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _of_split(name: str, logits: NDArray[Any], labels: NDArray[Any], classes: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"split": name, "example": np.arange(len(labels))})
    if not classes:
        return frame.assign(label=labels, prediction=logits[:, 0])
    names, finite = np.asarray(classes, dtype=object), np.isfinite(logits).all(axis=1)
    predicted = pd.Series(names[np.where(finite[:, None], logits, 0.0).argmax(axis=1)], dtype=object).where(
        finite, None
    )
    outputs = {LOGIT + each: logits[:, index] for index, each in enumerate(classes)}
    return frame.assign(label=names[labels], prediction=predicted, **outputs)
