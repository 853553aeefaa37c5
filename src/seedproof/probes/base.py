"""What a probe is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

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

    def __init__(self, every: int | None = None) -> None:
        self.every = every or self.default_every

    def attach(self, model: nn.Module) -> Values | None:  # noqa: ARG002
        """Called once before training, or before going on with it, with the pre-trained weights in place."""
        return None

    def after_backward(self, step: int, model: nn.Module) -> Values | None:  # noqa: ARG002
        """Called when the gradients of a step are there, before they are clipped."""
        return None

    def before_evaluation(self) -> None:
        """Called before the development set is evaluated."""

    def after_evaluation(self, model: nn.Module) -> Values | None:  # noqa: ARG002
        """Called after it."""
        return None
