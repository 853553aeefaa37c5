"""What a probe is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import nn

Values = Mapping[str, Any]
"""What is recorded: numbers, lists of names, and numpy arrays, by name."""


class Probe:
    """Records one thing. A probe reads; it never changes weights, gradients or random states.

    A subclass overrides what it needs. Methods return the values to record, or None for nothing. Steps count from 1;
    step 0 is the untrained model. Values on a device are brought to the host once per call, not once per tensor.
    """

    name: ClassVar[str]
    default_every: ClassVar[int] = 1
    works_in_fleet: ClassVar[bool] = False
    """Whether the methods for a fleet are there; the plain engine needs none of them."""

    def __init__(self, every: int | None = None) -> None:
        self.every = every or self.default_every

    def describe(self, model: nn.Module) -> Values | None:  # noqa: ARG002
        """What is recorded once, before training, with the pre-trained weights in place."""
        return None

    def attach(self, model: nn.Module) -> Values | None:
        """Called once before training, or before going on with it, with the pre-trained weights in place."""
        return self.describe(model)

    def after_backward(self, step: int, model: nn.Module) -> Values | None:  # noqa: ARG002
        """Called when the gradients of a step are there, before they are clipped."""
        return None

    def before_evaluation(self) -> None:
        """Called before the development set is evaluated."""

    def after_evaluation(self, model: nn.Module) -> Values | None:  # noqa: ARG002
        """Called after it."""
        return None

    # In a fleet one look is for all members at once, and a probe is handed its member's share of it.

    def wants_gradient_norms(self, step: int) -> bool:  # noqa: ARG002
        """Whether the norms of the gradients of this step are wanted."""
        return False

    def from_gradient_norms(self, norms: np.ndarray) -> Values | None:  # noqa: ARG002
        """Called with the norm of each parameter's gradient before clipping, float32 (parameters,)."""
        return None

    def from_evaluation(self, distances: np.ndarray, saturated: float) -> Values | None:  # noqa: ARG002
        """Called after an evaluation with each parameter's distance from its start, float32 (parameters,), and the share
        of the pooler's units beyond ``pooler.THRESHOLD``."""
        return None
