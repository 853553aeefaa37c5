"""Saturation of the pooler's tanh (the paper's code records it; it was never published)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.models.layers import locate
from seedproof.probes.base import Probe, Values

THRESHOLD = 0.99
"""A tanh unit counts as saturated beyond this; there its derivative is below .02."""

TANH_FAMILIES = ("bert", "albert", "roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm")
"""``model_type`` of the families whose pooler, or its counterpart in the head, ends in a tanh."""


class PoolerSaturation(Probe):
    """At each evaluation, the share of the pooler's units with ``|tanh| > .99`` over the development set.

    Works on the linear map in front of the tanh: ``pooler.dense`` (BERT), ``pooler`` (ALBERT), ``classifier.dense``
    (RoBERTa). A model of a family whose head has no tanh (ELECTRA, DistilBERT) records nothing.
    """

    name = "pooler"
    works_in_fleet: ClassVar[bool] = True

    def __init__(self, every: int | None = None) -> None:
        super().__init__(every)
        self._watching = False
        self._saturated: list[Tensor] = []
        self._units = 0

    def attach(self, model: nn.Module) -> None:
        """Watch the pooler's linear map."""
        if getattr(getattr(model, "config", None), "model_type", None) not in TANH_FAMILIES:
            return
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and locate(f"{name}.weight").kind == "pooler":
                module.register_forward_hook(self._count)

    def _count(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._watching:
            self._saturated.append((torch.tanh(output.float()).abs() > THRESHOLD).sum())
            self._units += output.numel()

    def before_evaluation(self) -> None:
        """Start to count."""
        self._watching, self._saturated, self._units = True, [], 0

    def after_evaluation(self, model: nn.Module) -> Values | None:  # noqa: ARG002
        """Record the share."""
        self._watching = False
        if not self._units:
            return None
        return {"saturated": float(torch.stack(self._saturated).sum()) / self._units}

    def from_evaluation(self, distances: np.ndarray, saturated: float) -> Values:  # noqa: ARG002
        """Record the share."""
        return {"saturated": saturated}
