"""An exponential moving average of the weights, which takes their place at evaluations and at the end."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seedproof.methods.base import average_rate


class Average:
    """Average of the parameters, corrected for its start; the start weights before the first step.

    Args:
        model: whose weights are averaged.
        decay: b, see :func:`seedproof.methods.base.average_rate`.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._parameters = {name: value.data for name, value in model.named_parameters()}
        self.weights = {name: value.clone() for name, value in self._parameters.items()}
        """The average by name of parameter; the weights themselves while they are swapped."""

    def update(self, step: int) -> None:
        """Take the weights after a step into the average."""
        rate = average_rate(self._decay, step)
        torch._foreach_lerp_(list(self.weights.values()), list(self._parameters.values()), rate)

    def swap(self) -> None:
        """Exchange the weights and their average."""
        for name, value in self._parameters.items():
            kept = value.clone()
            value.copy_(self.weights[name])
            self.weights[name].copy_(kept)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go back to this average."""
        for name, value in self.weights.items():
            value.copy_(weights[name])
