"""Norms of the loss gradient per parameter tensor, before clipping (paper, Figures 4 and 10-12)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn

from seedproof.probes.base import Probe, Values


class GradientNorms(Probe):
    """Every ``every`` steps, and after the first, the L2 norm of each tensor's gradient, float32 (parameters,).

    The names of the tensors are recorded once; ``Results.gradient_norms`` groups them by layer and kind of weight. The
    total is the norm of these norms. One transfer to the host per look.
    """

    name = "gradients"
    default_every: ClassVar[int] = 10
    works_in_fleet: ClassVar[bool] = True

    def describe(self, model: nn.Module) -> Values:
        """Record the names of the tensors."""
        return {"names": [name for name, value in model.named_parameters() if value.requires_grad]}

    def after_backward(self, step: int, model: nn.Module) -> Values | None:
        """Record their norms; 0 for a tensor without a gradient."""
        if not self.wants_gradient_norms(step):
            return None
        parameters = [value for value in model.parameters() if value.requires_grad]
        zero = torch.zeros((), device=parameters[0].device)
        norms = iter(torch._foreach_norm([value.grad for value in parameters if value.grad is not None]))
        stacked = torch.stack([zero if value.grad is None else next(norms) for value in parameters])
        return self.from_gradient_norms(stacked.float().cpu().numpy())

    def wants_gradient_norms(self, step: int) -> bool:
        """Every ``every`` steps, and after the first."""
        return step == 1 or step % self.every == 0

    def from_gradient_norms(self, norms: np.ndarray) -> Values:
        """Record them, and their norm over all parameters."""
        return {"norms": norms, "total": float(np.linalg.norm(norms.astype(np.float64)))}
