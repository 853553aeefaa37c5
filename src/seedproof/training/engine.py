"""What engines have in common: what they are given, what they yield, and how randomness is seeded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedproof.models.tokens import TokenizedSplit
from seedproof.tasks import multi_label

if TYPE_CHECKING:
    from jaxtyping import Float, Num

Scorer = Callable[[Mapping[str, np.ndarray]], dict[str, float]]
"""Scores from the logits of each evaluation split; ``Task.score``."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RunData:
    """The examples of a run, tokenized, and how its outputs are judged."""

    train: TokenizedSplit
    evaluation: Mapping[str, TokenizedSplit]
    """``dev`` first, then further splits."""
    score: Scorer
    metric: str
    """The score that selects the best weights, where a recipe does."""


@dataclass(frozen=True, slots=True)
class Record:
    """What an engine yields: something seen after a step. Step 0 is the untrained model."""

    step: int
    kind: str
    """``loss`` (``loss``, at every step), ``evaluation`` (``scores``, ``entropy``, ``logits <split>``), or the name of a
    probe."""
    values: Mapping[str, Any]
    """Numbers, strings, lists and numpy arrays."""


def step_seed(seed: int, step: int) -> int:
    """The seed of a step's dropout masks: of the run's dropout seed and the step only, so that a run can go on anywhere.

    Hashed, because neighbouring seeds of a generator may give related streams.
    """
    digest = hashlib.blake2b(f"dropout {seed} step {step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def mean_loss(logits: Float[np.ndarray, "examples outputs"], labels: Num[np.ndarray, " examples *labels"]) -> float:
    """Mean loss of predictions in float64: cross-entropy in nats of classes, or squared error of targets for one output; of
    several labels, (examples, labels), the mean over them of each one's binary cross-entropy."""
    values = logits.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # outputs that are not finite make the loss so
        if logits.shape[1] == 1:
            return float(np.mean((values[:, 0] - labels) ** 2))
        if labels.ndim == 2:
            return float(np.mean(np.logaddexp(0.0, values) - labels * values))
        shifted = values - values.max(axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def prediction_entropy(logits: Float[np.ndarray, "examples classes"], *, several: bool = False) -> float:
    """Mean entropy in nats of the predicted distributions; NaN where one is not finite.

    Args:
        logits: of an evaluation.
        several: whether an example may have several labels: then the mean over them, too, of each one's entropy.
    """
    if several:
        return multi_label.mean_entropy(logits)
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-(np.exp(log_probabilities) * log_probabilities).sum(axis=1).mean())
