"""Which parameters weight decay leaves alone: biases and norms, as in every code of fine-tuning BERT.

Transformers' Trainer (``get_decay_parameter_names``) goes by names: what has ``bias`` in its name, or a variation of ``norm``.
Here it is the class of the module that is a norm, because names mislead: every parameter of RoBERTa-PreLayerNorm has
``layernorm`` in its name. A module called a bias is one, as the table of relative positions that is added to attention.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

NoDecay = Literal["layer_norms", "norms"]
_NORM = re.compile(r"norm(gated|1p)?$", re.IGNORECASE)  # LlamaRMSNorm, NoNorm, Zamba2RMSNormGated, NemotronLayerNorm1P


def without_decay(model: nn.Module, no_decay: NoDecay = "layer_norms") -> frozenset[str]:
    """Names of the parameters that do not decay.

    Args:
        model: any; one without weights will do.
        no_decay: ``norms``: biases and norms of every kind; ``layer_norms``: biases by their own name, and norms whose class is
            called LayerNorm, as before there were others. The two differ for no model that a fleet trains.
    """
    return frozenset(
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
        if name.endswith("bias") or _is_left_alone(prefix, type(module).__name__, no_decay)
    )


def _is_left_alone(prefix: str, kind: str, no_decay: NoDecay) -> bool:
    """Whether a module's parameters do not decay, by its place and the name of its class."""
    if no_decay == "layer_norms":
        return kind.endswith("LayerNorm")
    return prefix.endswith("bias") or _NORM.search(kind) is not None
