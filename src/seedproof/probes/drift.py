"""Distance of every parameter tensor from its pre-trained value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.probes.base import Probe, Values


class Drift(Probe):
    """At each evaluation, ``|W - W_pretrained|`` and, once, ``|W_pretrained|`` of each tensor, float32 (parameters,).

    Costs one copy of the weights. The head's "pre-trained" value is its draw from the head seed.
    """

    name = "drift"
    works_in_fleet: ClassVar[bool] = True

    def __init__(self, every: int | None = None) -> None:
        super().__init__(every)
        self._start: list[Tensor] = []

    def describe(self, model: nn.Module) -> Values:
        """Record the names of the weights and their norms."""
        names, values = zip(*((name, value.detach()) for name, value in model.named_parameters()), strict=True)
        return {"names": list(names), "start_norms": _norms(values)}

    def attach(self, model: nn.Module) -> Values:
        """Copy the weights, and describe them."""
        self._start = [value.detach().clone() for value in model.parameters()]
        return self.describe(model)

    def after_evaluation(self, model: nn.Module) -> Values:
        """Record the distances."""
        moved = torch._foreach_sub([value.detach() for value in model.parameters()], self._start)
        return {"distances": _norms(moved)}

    def from_evaluation(self, distances: np.ndarray, saturated: float) -> Values:  # noqa: ARG002
        """Record the distances."""
        return {"distances": distances}


def _norms(tensors: Sequence[Tensor]) -> Any:
    return torch.stack(list(torch._foreach_norm(list(tensors)))).float().cpu().numpy()
