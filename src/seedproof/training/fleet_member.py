"""One run of a fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from seedproof.recipes.base import Recipe
from seedproof.training.engine import RunData

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
