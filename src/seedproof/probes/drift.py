"""Distance of every parameter tensor from its pre-trained value."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seedproof.probes.base import Values


class Drift:
    """At each evaluation, ``|W - W_pretrained|`` and, once, ``|W_pretrained|`` of each tensor, float32 (parameters,).

    Costs one copy of the weights. The head's "pre-trained" value is its draw from the head seed.
    """

    name = "drift"

    def __init__(self, every: int = 1) -> None:
        self.every = every
        self._start: list[Tensor] = []

    def attach(self, model: nn.Module) -> Values:
        self._start = [value.detach().clone() for value in model.parameters()]
        names = [name for name, _ in model.named_parameters()]
        return {"names": names, "start_norms": _norms(self._start)}

    def after_backward(self, step: int, model: nn.Module) -> None:
        return None

    def before_evaluation(self, step: int) -> None:
        return None

    def after_evaluation(self, step: int, model: nn.Module) -> Values:
        moved = torch._foreach_sub([value.detach() for value in model.parameters()], self._start)
        return {"distances": _norms(moved)}


def _norms(tensors: list[Tensor] | tuple[Tensor, ...]) -> object:
    return torch.stack(list(torch._foreach_norm(list(tensors)))).float().cpu().numpy()
