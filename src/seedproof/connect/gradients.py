"""Norms of a Trainer's gradients before it clips them: no event of the Trainer comes before the clipping.

``register_post_accumulate_grad_hook`` is called when a parameter's gradient of a backward pass is complete; of several
micro-batches only the last counts, in which ``GradientState().sync_gradients`` is true. Norms stay on the device until
they are read. Under the scaler of fp16 gradients are scaled at that moment, which is undone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.connect.quiet import Stumbled, quiet
from seedproof.training.observing import not_missing

if TYPE_CHECKING:
    from jaxtyping import Float32


class GradientHooks:
    """The norms of all gradients of a model, at the steps that are looked at.

    Args:
        model: unwrapped; its parameters that are trained now get a hook each.
        stumbled: told what goes wrong in one.
    """

    def __init__(self, model: nn.Module, stumbled: Stumbled) -> None:
        from accelerate.state import GradientState

        self._state = GradientState()
        self._looks = False
        trained = [value for value in model.parameters() if value.requires_grad]
        self._norms: list[Tensor | None] = [None] * len(trained)
        self._handles = [_hooked(value, quiet(self._hook(index), stumbled)) for index, value in enumerate(trained)]

    def _hook(self, index: int) -> Callable[[Tensor], None]:
        def note(parameter: Tensor) -> None:
            if self._looks and self._state.sync_gradients and parameter.grad is not None:
                self._norms[index] = _norm(parameter.grad)

        return note

    def begin(self, *, looks: bool) -> None:
        """Begin a step; whether its norms will be asked for."""
        self._looks = looks
        if looks:
            self._norms = [None] * len(self._norms)

    def take(self) -> Tensor | None:
        """The norms of this step, (trained,) on the device, NaN for a tensor without a gradient; None where nothing
        looked."""
        found = next((norm for norm in self._norms if norm is not None), None)
        if not self._looks or found is None:
            return None
        missing = torch.full((), math.nan, device=found.device)
        return torch.stack([missing if norm is None else not_missing(norm.to(found.device)) for norm in self._norms])

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _hooked(parameter: Tensor, hook: Any) -> Any:
    return parameter.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]


def _norm(gradient: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(gradient.detach(), dtype=torch.float32)
    return norm


def scale_of(optimizer: Any) -> float:
    """The factor by which gradients are scaled during the backward pass: 1 without fp16's scaler."""
    scaler = getattr(optimizer, "scaler", None)
    return 1.0 if scaler is None or not scaler.is_enabled() else float(scaler.get_scale())


def unscaled(norms: Tensor, scale: float) -> Float32[np.ndarray, " trained"]:
    """The norms as the optimizer sees the gradients, on the host."""
    array: np.ndarray = norms.cpu().numpy() / np.float32(scale)
    return array
