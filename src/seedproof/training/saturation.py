"""The saturated units of a model's pooler, counted by hooks while the model works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seedproof.models.layers import is_inside_matrix, locate
from seedproof.probes.pooler import THRESHOLD, has_tanh

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

Hook = Callable[..., None]
Hung = Callable[[Hook], Hook]
"""What a hook becomes before it is hung onto a model: in a training that is not ours, one that raises nothing."""


def as_it_is(hook: Hook) -> Hook:
    """The hook itself."""
    return hook


class PoolerCounter:
    """Counts the saturated units of a model's pooler in a step or an evaluation.

    Args:
        model: of Transformers; one whose pooler has no tanh gets no hook.
        hung: what its hooks become.
    """

    def __init__(self, model: nn.Module, hung: Hung = as_it_is) -> None:
        self._is_needed = False
        self._saturated: list[Tensor] = []
        self._units = 0
        self._handles = []
        for name, module in model.named_modules() if has_tanh(getattr(model, "config", None)) else ():
            matrix = getattr(module, "base_layer", module)  # what PEFT updates is counted with its update
            is_whole = isinstance(matrix, nn.Linear) and not is_inside_matrix(name)
            if is_whole and locate(f"{name}.weight").kind == "pooler":
                self._handles.append(module.register_forward_hook(hung(self._count)))

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()

    def begin(self, *, is_needed: bool) -> None:
        """Forget what was counted, and count from now on, or do not."""
        self._is_needed, self._saturated, self._units = is_needed, [], 0

    def _count(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._is_needed:
            self._saturated.append(saturated(output.detach()).sum())
            self._units += output.numel()

    def share(self) -> Tensor | None:
        """Fraction of what was counted, float64; None where nothing was."""
        return torch.stack(self._saturated).sum().double() / self._units if self._units else None


def saturated(dense: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    """Which units of a tanh are saturated, from what goes into it."""
    return torch.tanh(dense.float()).abs() > THRESHOLD
