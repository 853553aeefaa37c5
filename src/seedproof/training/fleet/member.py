"""One run of a fleet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from seedproof.methods import Effects
from seedproof.recipes.base import Recipe
from seedproof.training.engine import Record, RunData, prediction_entropy
from seedproof.training.observing import Watch
from seedproof.training.treatments import Treatments

if TYPE_CHECKING:
    from seedproof.probes.base import Probe
    from seedproof.spec import Seeds
    from seedproof.training.plan import Plan


@dataclass(eq=False, kw_only=True)
class Member:
    """One run of a fleet; what it is given, and where it stands. As an engine, it is asked for its state and outcome."""

    model: nn.Module
    """Holds the start weights; and the result's, after :meth:`FleetEngine.release` of a member that is done."""
    recipe: Recipe
    plan: Plan
    data: RunData
    seeds: Seeds
    probes: Sequence[Probe] = ()
    effects: Effects = field(default_factory=Effects)
    """What the recipe's methods do in each step, once it has joined a fleet."""
    step: int = 0
    """Steps done."""
    diverged_at: int | None = None
    evaluated_at: int | None = None
    """The step whose weights are the result, once training has ended."""
    best: tuple[float, int] | None = None
    """Score and step of the best evaluation, where the recipe selects it; the engine keeps its weights."""
    resume: tuple[Mapping[str, np.ndarray], Mapping[str, Any]] | None = None
    """What :meth:`FleetEngine.state` gave after ``step`` steps."""
    treatments: Treatments | None = None
    """Its methods, started when it joins for the first time: however often it comes and goes, they change the model once."""
    has_joined: bool = False
    """Whether it was in a fleet before; its start is recorded once."""

    def start(self) -> None:
        """Start its methods, unless they have been.

        Raises:
            UserError: a method has hooks, which no fleet calls.
        """
        if self.treatments is None:
            _ = self.watch  # which looks before methods change anything
            treatments = Treatments(self.model, self.recipe, self.plan, self.seeds, self.data)
            treatments.check_without_hooks()
            self.treatments = treatments
            self.effects = treatments.effects if self.recipe.methods else self.effects

    @cached_property
    def watch(self) -> Watch:
        """Its probes; first asked for before anything changes the model."""
        return Watch(self.probes, self.plan.evaluate_after, self.model)

    @property
    def steps(self) -> int:
        """Steps of the whole plan."""
        return self.plan.steps

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to train."""
        return self.step >= self.plan.steps or self.diverged_at is not None

    def judge(self, logits: Mapping[str, np.ndarray], seen: Mapping[str, Any]) -> tuple[list[Record], bool]:
        """The records of an evaluation, and whether it is the best so far.

        Args:
            logits: of each split, float32 (examples, labels).
            seen: what else its probes need now.
        """
        scores = self.data.score(logits)
        score = scores[self.data.metric]
        is_best = self.step in self.plan.select_from and score > (self.best[0] if self.best else -math.inf)
        self.best = (score, self.step) if is_best else self.best
        values: dict[str, Any] = {"scores": scores}
        if logits["dev"].shape[1] > 1:
            values["entropy"] = prediction_entropy(logits["dev"], several=self.data.train.labels.ndim == 2)
        values |= {f"logits {name}": array for name, array in logits.items()}
        more = self.watch.show("evaluations", self.step, {**seen, "scores": scores, "logits": logits})
        return [Record(self.step, "evaluation", values), *more], is_best
