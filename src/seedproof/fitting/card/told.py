"""What a card tells beside the judgement, and how it calls and writes the scores of its task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.fitting.card.markdown import number
from seedproof.tasks.metrics import title_of

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource
    from seedproof.models.tokens import Cut
    from seedproof.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a card says beside the judgement."""

    task: Task
    problem_type: str
    """Transformers' word for what the outputs are."""
    source: ModelSource
    recipe: str
    command: str
    cut: Mapping[str, Cut]
    """Texts that were cut at the maximum length, by split."""
    max_length: int
    notes: Sequence[str]
    """What was decided about data and training."""
    differing: float
    """Largest difference between a stored prediction and one of the folder opened again."""
    beside: str = ""
    """What methods have kept beside the model, where it is and why it is not shipped, in a sentence; empty: nothing."""

    @property
    def base(self) -> str:
        """The base model as others can know it: a name, or the last part of a path."""
        return Path(self.source.name).name if Path(self.source.name).is_dir() else self.source.name

    @property
    def title(self) -> str:
        """What people call the metric that judges."""
        return "MAE" if self.is_negated else title_of(self.task.metric, self.task.judge.positive)

    @property
    def is_negated(self) -> bool:
        """Whether the metric is an error with its sign turned, so that larger is better."""
        return self.task.metric == "neg_mae"

    def score(self, value: float) -> str:
        """A score in words; of an error without its sign."""
        return number(-value if self.is_negated else value)

    def ends(self, low: float, high: float) -> tuple[str, str]:
        """The ends of a range of scores in words, the smaller number first: an error's are the other way round."""
        return (self.score(high), self.score(low)) if self.is_negated else (self.score(low), self.score(high))

    def interval(self, low: float, high: float) -> str:
        """An interval of scores in words; of NaN that there is none."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return "too few examples, or groups of them, for an interval"
        return "95 % interval {} to {}".format(*self.ends(low, high))
