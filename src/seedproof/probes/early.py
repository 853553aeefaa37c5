"""The first steps of a run: what may tell early that it will fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedproof.probes.base import Observation, Probe, Values
from seedproof.probes.gradients import total_norm
from seedproof.tasks import multi_label

STEPS = 100
"""Steps that are recorded. Lower layers' gradients of failed runs of the miniature vanish at steps 20 to 60."""
DISTANCES_EVERY = 10
"""Distances take a pass over all weights and their start, and change slowly."""


class Early(Probe):
    """The first steps: norms of their gradients by tensor, and what the outputs for the training batch look like.

    ``norms`` are the L2 norms of the gradients before clipping (NaN: there is none), ``distances`` (every tenth step) those
    of the way from the start values of the weights that the step found; both (trained,), as float16 of their binary
    logarithm (:func:`packed`).
    Of the batch, dropout on: ``entropy``, ``spread`` and ``counts`` as in :func:`of_batch`, ``saturated`` the fraction of
    the pooler's tanh units beyond .99. The loss of every step is recorded anyway.
    """

    name = "early"
    description = (
        "gradient norm of every tensor, entropy, predicted labels and spread of the outputs and saturation of the pooler on "
        "the training batch, and every 10 steps the distance of every tensor from its start; a copy of the weights. For: "
        "Results.early, to tell early which runs will fail"
    )
    looks_at = "steps"
    needs = ("gradient_norms", "batch_logits", "saturated", "distances")
    first: ClassVar[int] = STEPS

    def needed(self, number: int) -> tuple[str, ...]:
        """All, but the distances only at every tenth step."""
        return self.needs if number % DISTANCES_EVERY == 0 else tuple(n for n in self.needs if n != "distances")

    def start(self, observation: Observation) -> Values:
        """Record the names of the tensors."""
        return {"names": list(observation.trained)}

    def observe(self, observation: Observation) -> Values:
        """Record the step."""
        seen: dict[str, object] = {"norms": packed(observation.gradient_norms), **_of_observed(observation)}
        if observation.saturated is not None:
            seen["saturated"] = observation.saturated
        if observation.step % DISTANCES_EVERY == 0:
            trained = set(observation.trained)
            seen["distances"] = packed(observation.distances[[name in trained for name in observation.names]])
        return seen


def _of_observed(observation: Observation) -> Mapping[str, float | list[int]]:
    return of_batch(observation.batch_logits, several=observation.several)


def of_batch(logits: NDArray[np.floating], *, several: bool = False) -> dict[str, float | list[int]]:
    """What the outputs for a batch look like.

    Args:
        logits: (examples, outputs).
        several: whether an example may have several labels, each with an output of its own.

    Returns:
        ``spread``: by how much outputs differ from example to example: their SD over the batch (divisor n), root mean square
        over the outputs, each example's logits less their mean, which changes no prediction. With several outputs also
        ``entropy``: mean entropy of the predicted distributions in nats; ``counts``: how often each label is predicted. NaN
        where an output is not finite; its example counts for no label. Of ``several`` labels the logits as they are, the
        mean entropy over them as well, as predicted those whose logit is above 0, and ``examples``, of which they are counted.
    """
    values = logits.astype(np.float64)
    if several:
        return _of_several(values)
    with np.errstate(invalid="ignore"):  # outputs that are not finite make the numbers so
        if values.shape[1] == 1:
            return {"spread": float(values.std())}
        shifted = values - values.max(axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        entropy = -(np.exp(log_probabilities) * log_probabilities).sum(axis=1).mean()
        spread = np.sqrt((values - values.mean(axis=1, keepdims=True)).var(axis=0).mean())
    labels = values[np.isfinite(values).all(axis=1)].argmax(axis=1)
    counts = np.bincount(labels, minlength=values.shape[1]).tolist()
    return {"entropy": float(entropy), "spread": float(spread), "counts": counts}


def _of_several(values: NDArray[np.float64]) -> dict[str, float | list[int]]:
    """:func:`of_batch` where each output is a label of its own."""
    with np.errstate(invalid="ignore"):
        spread = np.sqrt(values.var(axis=0).mean())
    finite = values[np.isfinite(values).all(axis=1)]
    counts = multi_label.predicted(finite).sum(axis=0).tolist()
    entropy = multi_label.mean_entropy(values)
    return {"entropy": entropy, "spread": float(spread), "counts": counts, "examples": len(finite)}


def packed(values: NDArray[np.floating]) -> NDArray[np.float16]:
    """Norms in two bytes each: float16 of their binary logarithm. Right to .3 % from 1e-5 to 1e5, to 5 % everywhere; 0,
    infinity and NaN stay."""
    with np.errstate(divide="ignore"):
        return np.log2(values.astype(np.float64)).astype(np.float16)


def unpacked(values: NDArray[np.float16]) -> NDArray[np.float64]:
    """The opposite of :func:`packed`."""
    return np.exp2(values.astype(np.float64))


def measured(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records of this probe with norms and distances as numbers, float64 (trained,), and ``total``, the norm of all norms."""
    found = []
    for record in records:
        numbers = {name: unpacked(record[name]) for name in ("norms", "distances") if name in record}
        total = {"total": total_norm(numbers["norms"])} if "norms" in numbers else {}
        found.append({**record, **numbers, **total})
    return found
