"""One run of a fleet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from seedproof.recipes.base import Recipe
from seedproof.training.engine import Record, RunData, prediction_entropy

if TYPE_CHECKING:
    from seedproof.probes.base import Probe
    from seedproof.training.plan import Plan


@dataclass(eq=False, kw_only=True)
class Member:
    """One run of a fleet; what it is given, and where it stands. As an engine, it is asked for its state and outcome."""

    model: nn.Module
    """Holds the start weights; and the result's, after :meth:`FleetEngine.release` of a member that is done."""
    recipe: Recipe
    plan: Plan
    data: RunData
    dropout_seed: int
    probes: Sequence[Probe] = ()
    step: int = 0
    """Steps done."""
    diverged_at: int | None = None
    evaluated_at: int | None = None
    """The step whose weights are the result, once training has ended."""
    best: tuple[float, int] | None = None
    """Score and step of the best evaluation, where the recipe selects it; the engine keeps its weights."""
    resume: tuple[Mapping[str, np.ndarray], Mapping[str, Any]] | None = None
    """What :meth:`FleetEngine.state` gave after ``step`` steps."""
    has_joined: bool = False
    """However often a member comes and goes, its recipe prepares the model once and its start is recorded once."""

    @property
    def steps(self) -> int:
        """Steps of the whole plan."""
        return self.plan.steps

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to train."""
        return self.step >= self.plan.steps or self.diverged_at is not None

    @property
    def wants_gradient_norms(self) -> bool:
        """Whether a probe wants the norms of this step's gradients."""
        return self.diverged_at is None and any(probe.wants_gradient_norms(self.step) for probe in self.probes)

    def judge_gradients(self, norms: np.ndarray) -> list[Record]:
        """What the probes record of a step's gradients, from the norm of each, float32 (parameters,)."""
        wanting = [probe for probe in self.probes if probe.wants_gradient_norms(self.step)]
        seen = [(probe.name, probe.from_gradient_norms(norms)) for probe in wanting]
        return [Record(self.step, name, values) for name, values in seen if values]

    def judge(
        self, logits: Mapping[str, np.ndarray], distances: np.ndarray, saturated: float
    ) -> tuple[list[Record], bool]:
        """The records of an evaluation, and whether it is the best so far.

        Args:
            logits: of each split, float32 (examples, labels).
            distances: of each parameter from its start, float32 (parameters,).
            saturated: share of saturated units of the pooler.
        """
        scores = self.data.score(logits)
        score = scores[self.data.metric]
        is_best = self.step in self.plan.select_from and score > (self.best[0] if self.best else -math.inf)
        self.best = (score, self.step) if is_best else self.best
        values: dict[str, Any] = {"scores": scores}
        if logits["dev"].shape[1] > 1:
            values["entropy"] = prediction_entropy(logits["dev"])
        values |= {f"logits {name}": array for name, array in logits.items()}
        seen = [(probe.name, probe.from_evaluation(distances, saturated)) for probe in self.probes]
        records = [Record(self.step, "evaluation", values), *(Record(self.step, n, v) for n, v in seen if v)]
        return records, is_best
