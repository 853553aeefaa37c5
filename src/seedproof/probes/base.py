"""What a probe is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import nn

Values = Mapping[str, Any]
"""What is recorded: numbers and numpy arrays by name."""


class Probe(Protocol):
    """Records one thing. A probe reads; it never changes weights, gradients or random states.

    All methods return the values to record, or None for nothing. Steps count from 1; step 0 is the untrained model.
    Values that live on a device are brought to the host once per call, not once per tensor.
    """

    name: str

    def attach(self, model: nn.Module) -> Values | None:
        """Called once before training (or before going on), with the model at its present weights."""

    def after_backward(self, step: int, model: nn.Module) -> Values | None:
        """Called when the gradients of a step are there, before they are clipped."""

    def before_evaluation(self, step: int) -> None:
        """Called before the development set is evaluated after ``step``."""

    def after_evaluation(self, step: int, model: nn.Module) -> Values | None:
        """Called after it."""
