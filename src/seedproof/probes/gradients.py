"""Norms of the loss gradient per parameter tensor, before clipping (paper, Figures 4 and 10-12)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedproof.probes.base import Observation, Probe, Values


class GradientNorms(Probe):
    """After the first step and every ``every`` steps, the L2 norm of each tensor's gradient, float32 (trained,).

    NaN says that a tensor has no gradient in this step, as one that is frozen: nothing vanished. A gradient that is not
    finite has the norm infinity. The names of the tensors are recorded once; ``Results.gradient_norms`` groups them by layer
    and kind of weight. The total is the norm of the norms that there are (:func:`total_norm`).
    """

    name = "gradients"
    description = (
        "norm of every tensor's gradient before clipping, at the first step and every EVERY-th; one pass over the gradients "
        "a look. For: gradient norms of a report, whether they vanished, fig4 and fig10 to fig12"
    )
    looks_at = "steps"
    needs = ("gradient_norms",)
    default_every = 10

    def start(self, observation: Observation) -> Values:
        """Record the names of the tensors."""
        return {"names": list(observation.trained)}

    def observe(self, observation: Observation) -> Values:
        """Record their norms, and the norm over all of them."""
        norms = observation.gradient_norms
        return {"norms": norms, "total": total_norm(norms)}


def total_norm(norms: NDArray[np.floating]) -> float:
    """The norm over all tensors that have a gradient, from those of their gradients, (tensors,); NaN where none has one.

    Like :func:`joint_norm`, but to the last bit what has been recorded since the first version, which sums in another order.
    """
    known = norms[~np.isnan(norms)].astype(np.float64)
    return float(np.linalg.norm(known)) if len(known) else np.nan


def joint_norm(norms: NDArray[np.floating]) -> NDArray[np.float64]:
    """The norm over several tensors, from those of their gradients: the root of the sum of squares.

    Args:
        norms: (..., tensors); NaN where a tensor has no gradient.

    Returns:
        float64 (...), over the tensors that have a gradient; NaN where none has one.
    """
    values = np.asarray(norms, np.float64)
    found = np.sqrt(np.nansum(values**2, axis=-1))
    return np.where(np.isnan(values).all(axis=-1), np.nan, found)
