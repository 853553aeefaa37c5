"""Methods of a user's own, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from seedproof.fields import NotNegative
from seedproof.methods import EVALUATION, LOSS, Effects, Method, Treatment


@dataclass(frozen=True, kw_only=True)
class Noise(Method):
    """Noise on gradients that remembers itself: it depends on the step's seed and on its own state."""

    description: ClassVar[str] = "noise"

    scale: NotNegative = 0.01
    """Standard deviation."""

    def start(self, start):
        return _Noise(start.model, self.scale)


class _Noise(Treatment):
    def __init__(self, model, scale):
        self._model, self._scale = model, scale
        self._walk = torch.zeros(())

    def after_gradient(self, step):
        self._walk = self._walk + torch.randn(())
        for value in self._model.parameters():
            value.grad.add_(torch.randn_like(value.grad) * self._walk, alpha=self._scale)

    def state(self):
        return {"walk": np.asarray(self._walk)}, {}

    def load_state(self, arrays, values):
        self._walk = torch.from_numpy(np.array(arrays["walk"]))


@dataclass(frozen=True, kw_only=True)
class Later(Noise):
    """The same in another version."""

    version: ClassVar[int] = 2


@dataclass(frozen=True)
class Diary(Method):
    """Writes down what is called."""

    calls: ClassVar[list[str]] = []
    order_matters: ClassVar[bool] = False
    owns: ClassVar[frozenset[str]] = frozenset({LOSS})

    def start(self, start):
        self.calls.append(f"start {torch.randn(()):.6f} {torch.randn((), generator=start.generator):.6f}")
        return _Diary(self.calls)


class _Diary(Treatment):
    def __init__(self, calls):
        self._calls = calls

    def before_step(self, step):
        self._calls.append(f"before {step}")

    def loss(self, batch, step, forward):
        self._calls.append(f"loss {step}")
        return 0 * forward(batch).loss

    def after_gradient(self, step):
        self._calls.append(f"gradient {step}")

    def after_step(self, step):
        self._calls.append(f"after {step}")

    def before_evaluation(self):
        self._calls.append("evaluation")

    def after_evaluation(self):
        self._calls.append("evaluated")

    def finish(self):
        self._calls.append("finish")


@dataclass(frozen=True)
class HalfHead(Method):
    """Declared effects alone."""

    in_fleet: ClassVar[bool] = True
    order_matters: ClassVar[bool] = False
    owns: ClassVar[frozenset[str]] = frozenset({EVALUATION})

    def start(self, start):
        treatment = Treatment()
        targets = {name: value.detach().clone() for name, value in start.model.named_parameters()}
        factors = {name: 0.5 for name in targets if name.startswith("classifier")}
        treatment.effects = Effects(rate_factors=factors, decay_targets=targets, tensor_clip=0.1, average=0.9)
        return treatment


class NoMethod:
    """Another class."""


class Undecorated(Method):
    """Its field would be no setting."""

    scale: float = 0.1
