"""Distance of every parameter tensor from its pre-trained value."""

from __future__ import annotations

from seedproof.probes.base import Observation, Probe, Values


class Drift(Probe):
    """Distance of each tensor from its start, ``|W - W_pretrained|``, float32 (parameters,), at evaluations.

    ``|W_pretrained|`` is recorded once. The head's "pre-trained" value is its draw from the head seed.
    """

    name = "drift"
    description = (
        "distance of every tensor from its pre-trained value, at evaluations; a copy of the weights. For: Results.drift"
    )
    needs = ("start_norms", "distances")

    def start(self, observation: Observation) -> Values:
        """Record the names of the weights and their norms."""
        return {"names": list(observation.names), "start_norms": observation.start_norms}

    def observe(self, observation: Observation) -> Values:
        """Record the distances."""
        return {"distances": observation.distances}
