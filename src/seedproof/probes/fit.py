"""How well the training set was learned: its mean loss at the end, dropout off (paper, Figure 8b)."""

from __future__ import annotations

from seedproof.probes.base import Observation, Probe, Values


class Fit(Probe):
    """Mean loss over the whole training set after the last step, dropout off; once a run.

    The loss of each step is that of one batch before its update, with dropout. Where the best evaluation is kept, this is
    the loss of the last weights all the same.
    """

    name = "fit"
    description = (
        "loss over the whole training set at the end, dropout off; one evaluation of it. For: how runs ended, Figure 8b"
    )
    looks_at = "end"
    needs = ("training_loss",)

    def observe(self, observation: Observation) -> Values:
        """Record the loss."""
        return {"loss": observation.training_loss}
