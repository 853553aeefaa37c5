"""Distance of every parameter tensor from its pre-trained value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seedproof.probes.base import Probe, Values


class Drift(Probe):
    """At each evaluation, ``|W - W_pretrained|`` and, once, ``|W_pretrained|`` of each tensor, float32 (parameters,).

    Costs one copy of the weights. The head's "pre-trained" value is its draw from the head seed.
    """

    name = "drift"

    def __init__(self, every: int | None = None) -> None:
        super().__init__(every)
        self._start: list[Tensor] = []

    def attach(self, model: nn.Module) -> Values:
        """Copy the weights; record their names and norms."""
        self._start = [value.detach().clone() for value in model.parameters()]
        return {"names": [name for name, _ in model.named_parameters()], "start_norms": _norms(self._start)}

    def after_evaluation(self, model: nn.Module) -> Values:
        """Record the distances."""
        moved = torch._foreach_sub([value.detach() for value in model.parameters()], self._start)
        return {"distances": _norms(moved)}


def _norms(tensors: Sequence[Tensor]) -> Any:
    return torch.stack(list(torch._foreach_norm(list(tensors)))).float().cpu().numpy()
