"""Which parameters weight decay leaves alone: biases and the weights of LayerNorms, as in every code of fine-tuning BERT."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def without_decay(model: nn.Module) -> frozenset[str]:
    """Names of the parameters that do not decay."""
    return frozenset(
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
        if name.endswith("bias") or type(module).__name__.endswith("LayerNorm")
    )
