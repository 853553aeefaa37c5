"""Exponential moving average of the weights: what is evaluated and kept is an average of the weights of all steps.

Polyak and Juditsky 1992, in the form of Kingma and Ba 2015 (arXiv 1412.6980, section 7.2): with the weights w_i after step i
and a decay b, the average after step t is

    a_t = sum_i b^(t-i) w_i / sum_i b^(t-i),          i = 1, ..., t.

The sum below corrects for the start, as Adam's bias correction does. Many codes begin with the start weights instead and
leave the correction out: at b = .999 the average would be two thirds pre-trained weights, and an untrained head, after the
400 steps of a small task. Training itself is unchanged; its loss is that of the weights, not of their average. An average
lowers the spread that is left among runs that learned; it does not cure runs that failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from seedproof.fields import Fraction
from seedproof.methods.base import EVALUATION, Effects, Method, Start, Treatment


@dataclass(frozen=True, kw_only=True)
class EMA(Method):
    """Evaluation of a moving average of the weights (Kingma and Ba 2015, section 7.2; see the module for the rule)."""

    name: ClassVar[str] = "ema"
    description: ClassVar[str] = "evaluate and keep a moving average of the weights (Kingma and Ba 2015, section 7.2)"
    owns: ClassVar[frozenset[str]] = frozenset((EVALUATION,))
    in_fleet: ClassVar[bool] = True
    order_matters: ClassVar[bool] = False

    decay: Fraction = 0.999
    """b: how much of the average each step keeps; 1 / (1 - b) is about the number of steps that count."""

    def start(self, start: Start) -> Treatment:  # noqa: ARG002
        """Give the decay."""
        treatment = Treatment()
        treatment.effects = Effects(average=self.decay)
        return treatment
