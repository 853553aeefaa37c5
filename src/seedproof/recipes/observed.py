"""What is known of how somebody else's Trainer fine-tunes: read from it while it trains, not planned.

Nobody writes such a recipe or runs it; stores of runs that were watched hold it (:mod:`seedproof.connect`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from seedproof.fields import Count, Fraction, Name
from seedproof.recipes.base import Recipe


@dataclass(frozen=True, kw_only=True)
class Observed(Recipe):
    """Settings of a Trainer. A field that is None could not be read."""

    method: ClassVar[str] = "observed"
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({**Recipe.ADDED, "trained": None})

    schedule: Name = "linear"  # type: ignore[assignment]  # any scheduler that the Trainer knows
    """``linear`` and ``constant`` as in recipes; others by their names in Transformers."""
    optimizer: Name = "AdamW"
    """Class of the optimizer."""
    accumulation: Count = 1
    """Micro-batches of a step; ``batch_size`` is that of the step."""
    label_smoothing: Fraction = 0.0
    loss: Name = "model"
    """Function that computes the loss; ``model``: the model's own."""
    head: Literal["seeded", "unknown"] = "unknown"
    """Whether the head was drawn after the Trainer's seed was set (by ``model_init``, or by a factory of ``run_seeds``), or in a
    model that the Trainer was given, and nobody saw from what."""
    trained: Count | None = None
    """Numbers that are trained, in a model of which others stand still, as in one that PEFT has wrapped; None: all are."""
