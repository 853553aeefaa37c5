"""What a rule sees of a run's steps, what it says, and on which runs it was measured how often that is wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERATED = 0.01
"""Rate of false alarms up to which an alarm may stop a run: that of the upper 95 % end of the measured rate."""


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What a rule sees of a step: of the weights that the step found, and its training batch, dropout on."""

    step: int
    """Number of the step, from 1."""
    steps: int
    """Steps of the whole training."""
    loss: float
    """Training loss of the step; not finite where it was not."""
    reference_loss: float
    """The lowest loss of a prediction that never changes: label entropy in nats, or variance of the targets."""
    names: Sequence[str]
    """Parameters that are trained."""
    norms: NDArray[Any] | None = None
    """L2 norms of their gradients before clipping, (names,), at the steps that look at them; else None. NaN: no gradient, as
    of what is frozen; infinity: one that is not finite."""
    distances: NDArray[Any] | None = None
    """L2 distances of the parameters from their start values, (names,); None where the step did not look."""
    entropy: float | None = None
    """Mean entropy of the predicted distributions, nats; None for one output, or where nobody looked."""
    counts: Sequence[int] | None = None
    """How often each label is predicted; None as for ``entropy``."""
    spread: float | None = None
    """Spread of the outputs from example to example (:func:`seedproof.probes.early.of_batch`)."""
    saturated: float | None = None
    """Fraction of the pooler's saturated tanh units; None for a head without tanh, or where nobody looked."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Runs on which a rule's rate of false alarms was measured, none of which it was fit to."""

    successful: int
    """Runs that did not fail."""
    false_alarms: int
    """Those of them that it held for doomed."""
    upper: float
    """Upper end of the two-sided interval of the rate, Clopper and Pearson's (1934), of 95 %, or more where runs were counted
    more than once: with no false alarm at 95 % it is 1 % for 368 runs."""
    models: frozenset[str]
    """Fingerprints of the weights that the runs started from."""


class Alarm(ABC):
    """A rule that says, from the signals of a run's steps in order, that the run is doomed. One object watches one run."""

    validation: Validation | None = None
    """What its false alarms were measured on; None: nothing."""

    @abstractmethod
    def see(self, signals: Signals) -> str | None:
        """Take the signals of the next step; why the run is doomed, in words that follow "because", or None."""

    def may_stop(self, model: str) -> bool:
        """Whether its word alone is enough to stop a run: the rate of its false alarms was measured on runs of this very model,
        and the upper end of that is at most :data:`TOLERATED`.

        Args:
            model: fingerprint of the weights that the run starts from.
        """
        found = self.validation
        return found is not None and model in found.models and found.upper <= TOLERATED
