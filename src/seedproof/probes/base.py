"""What a probe is, and what an engine shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

Values = Mapping[str, Any]
"""What is recorded: numbers, texts, lists of them, and numpy arrays, by name."""

Moment = Literal["start", "steps", "evaluations", "end"]
"""When something is seen: before the first step; after a step's backward pass, before clipping; after an evaluation; after the
evaluation of the last step."""

LOOKS = ("steps", "evaluations", "end")
"""Moments at which a probe may look."""

NEEDS: Mapping[str, tuple[Moment, ...]] = {
    "loss": ("steps",),
    "gradient_norms": ("steps",),
    "gradients": ("steps",),
    "batch_logits": ("steps",),
    "start_norms": ("start",),
    "distances": ("steps", "evaluations"),
    "saturated": ("steps", "evaluations"),
    "scores": ("evaluations",),
    "logits": ("evaluations",),
    "training_loss": ("end",),
    "weights": ("start", "steps", "evaluations", "end"),
    "model": ("start", "steps", "evaluations", "end"),
}
"""What a probe may name in ``needs``, as :class:`Observation` has it, and when it is there."""
PLAIN_ONLY = frozenset({"model"})
"""What only the plain engine has: the members of a fleet share one set of modules."""


class Observation:
    """What an engine has seen of a run at one moment. Of the properties below, those are there that a probe ``needs``.

    Args:
        step: steps done; 0 is the untrained model.
        names: parameters of the stock model, in its order.
        trained: those of them that have a gradient.
        seen: values by the names of :data:`NEEDS`.
        several: whether an example may have several labels, each with an output of its own.
    """

    def __init__(
        self, step: int, names: Sequence[str], trained: Sequence[str], seen: Mapping[str, Any], *, several: bool = False
    ) -> None:
        self.step, self.names, self.trained, self._seen, self.several = step, names, trained, seen, several

    def _get(self, name: str) -> Any:
        if name not in self._seen:
            raise LookupError(
                f"there is no {name!r} to see at step {self.step}: is it among the probe's 'needs', and {NEEDS[name]} the time?"
            )
        return self._seen[name]

    @property
    def loss(self) -> float:
        """Training loss of the step, dropout on."""
        return float(self._get("loss"))

    @property
    def gradient_norms(self) -> np.ndarray:
        """L2 norm of the gradient of each of ``trained``, before clipping, float32 (trained,). NaN where there is
        none, as of what is frozen in this step; infinity where there is one that is not finite."""
        norms: np.ndarray = self._get("gradient_norms")
        return norms

    @property
    def gradients(self) -> Mapping[str, Tensor]:
        """Gradients by parameter, before clipping; not to be changed."""
        gradients: Mapping[str, Tensor] = self._get("gradients")
        return gradients

    @property
    def batch_logits(self) -> np.ndarray:
        """Logits of the step's training batch, dropout on, float32 (examples, outputs); of all passes, where a method makes
        several."""
        logits: np.ndarray = self._get("batch_logits")
        return logits

    @property
    def start_norms(self) -> np.ndarray:
        """L2 norm of each parameter's start value, float32 (names,)."""
        norms: np.ndarray = self._get("start_norms")
        return norms

    @property
    def distances(self) -> np.ndarray:
        """L2 distance of each parameter from its start value, float32 (names,); at a step, of the weights that it found, at an
        evaluation of those that are evaluated."""
        distances: np.ndarray = self._get("distances")
        return distances

    @property
    def saturated(self) -> float | None:
        """Fraction of the pooler's units beyond ``pooler.THRESHOLD``, over the evaluation splits or the step's training batch;
        None: no tanh in the head."""
        fraction: float | None = self._get("saturated")
        return fraction

    @property
    def scores(self) -> Mapping[str, float]:
        """Scores of the evaluation by metric."""
        scores: Mapping[str, float] = self._get("scores")
        return scores

    @property
    def logits(self) -> Mapping[str, np.ndarray]:
        """Logits by evaluation split (``dev`` first), float32 (examples, outputs), dropout off."""
        logits: Mapping[str, np.ndarray] = self._get("logits")
        return logits

    @property
    def training_loss(self) -> float:
        """Mean loss over the whole training set after the last step, dropout off."""
        return float(self._get("training_loss"))

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """Parameters by name; not to be changed."""
        weights: Mapping[str, Tensor] = self._get("weights")
        return weights

    @property
    def model(self) -> nn.Module:
        """The model itself, in the plain engine; not to be changed."""
        model: nn.Module = self._get("model")
        return model


class Probe:
    """Records one thing of a run, every so many looks. It reads, and never changes weights, gradients or random states.

    A subclass says what it needs and overrides :meth:`observe`, or :meth:`start`, or both.

    Args:
        every: look at the first step or evaluation, and then at every so-manieth; None is ``default_every``.
    """

    name: str
    """Name as it is asked for, and the ``kind`` of its records; of one that has no name here, ``module:Class``."""
    description: ClassVar[str] = ""
    """One line for lists: what it records and what that costs."""
    looks_at: ClassVar[Literal["steps", "evaluations", "end"]] = "evaluations"
    needs: ClassVar[tuple[str, ...]] = ()
    """What it reads of an :class:`Observation`, by the names of :data:`NEEDS`."""
    default_every: ClassVar[int] = 1
    first: ClassVar[int | None] = None
    """It looks at the first so many steps or evaluations and at none behind them; None: at all."""

    def __init__(self, every: int | None = None) -> None:
        self.every = every or self.default_every

    @classmethod
    def missing_in_fleet(cls) -> list[str]:
        """What it needs and the fleet engine does not have."""
        return [need for need in cls.needs if need in PLAIN_ONLY]

    def looks(self, number: int) -> bool:
        """Whether it looks at the step or evaluation of this number, from 1."""
        is_among_first = self.first is None or number <= self.first
        return is_among_first and (number == 1 or number % self.every == 0)

    def needed(self, number: int) -> tuple[str, ...]:  # noqa: ARG002
        """What of its ``needs`` it reads when it looks at the step or evaluation of this number: what is costly may be seldom."""
        return self.needs

    def start(self, observation: Observation) -> Values | None:  # noqa: ARG002
        """Record what is to be known once, before the first step. Called again when a run goes on, its values in vain: by a
        Trainer with the weights of its checkpoint, and their step."""
        return None

    def observe(self, observation: Observation) -> Values | None:  # noqa: ARG002
        """Record what is seen now; None for nothing."""
        return None
