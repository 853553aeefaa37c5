"""What the probes of a fleet's members see of a step: computed for all members together, and the host waits for it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seedproof.training.fleet.member import Member
from seedproof.training.fleet.state import FleetState
from seedproof.training.observing import not_missing, to_host
from seedproof.training.saturation import saturated

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class StepView:
    """The losses of a step, and what the members' probes need of it, after the backward pass and before clipping."""

    losses: Sequence[float]
    norms: Float[Tensor, "members parameters"] | None
    """Norms of all gradients, on the device; None where no probe needs them."""
    _needs: Sequence[frozenset[str]]
    _examples: Sequence[int]
    """Examples in each member's batch."""
    _arrays: dict[str, np.ndarray]
    """Arrays by need, each (members, ...)."""

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        members: Sequence[Member],
        state: FleetState,
        losses: Float[Tensor, " members"],
        logits: Float[Tensor, "members batch outputs"],
        dense: Float[Tensor, "members batch width"] | None,
    ) -> StepView:
        """Look at a step of members that have not counted it yet.

        Args:
            members: of the fleet.
            state: of the fleet, with the gradients of this step.
            losses: of this step.
            logits: of its batches, dropout on; examples of a shorter batch come first.
            dense: what goes into the tanh of the head; None: it has none.
        """
        needs = [member.watch.needs("steps", member.step + 1) for member in members]
        asked = frozenset[str]().union(*needs)
        tensors, norms = {"loss": losses}, None
        if "gradient_norms" in asked:
            norms = state.stack.norms(state.stack.gradients)
            tensors["gradient_norms"] = not_missing(norms)
        if "batch_logits" in asked:
            tensors["batch_logits"] = logits
        if "saturated" in asked and dense is not None:
            tensors["saturated"] = saturated(dense).float().mean(-1)
        if "distances" in asked:
            tensors["distances"] = state.distances(state.stack.values)
        arrays = to_host(tensors)
        examples = [len(member.plan.batches[member.step]) for member in members]
        return cls(arrays.pop("loss").tolist(), norms, needs, examples, arrays)

    def of_member(self, index: int, member: Member, state: FleetState) -> dict[str, Any]:
        """What the probes of a member need now, by need."""
        needs, examples = self._needs[index], self._examples[index]
        own = {name: array[index].astype(np.float32) for name, array in self._arrays.items() if name in needs}
        seen: dict[str, Any] = {"loss": self.losses[index], **own}
        if "gradient_norms" in needs:
            seen["gradient_norms"] = member.watch.of_trained(own["gradient_norms"])
        if "batch_logits" in needs:
            seen["batch_logits"] = own["batch_logits"][:examples]
        if "saturated" in needs:
            seen["saturated"] = float(own["saturated"][:examples].mean()) if "saturated" in own else None
        if "weights" in needs:
            seen["weights"] = state.stack.weights(index)
        if "gradients" in needs:
            seen["gradients"] = state.stack.read(state.stack.gradients, index)
        return seen
