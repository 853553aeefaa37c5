"""The simple rule: gradients of the lower layers have vanished and nothing was learned."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from seedproof.alarms.base import Alarm, Signals
from seedproof.probes.vanishing import THRESHOLD, lower_fraction


class Stuck(Alarm):
    """The gradients of the lower half have vanished and the loss sits at the label entropy; or the loss is not finite.

    Both are the paper's signs of a failed run (arXiv 2006.04884, section 5 and Figure 4). After ``after`` steps the rule
    gives alarm when the mean loss of the last 50 is at least 95 % of the reference loss, and at the last three looks the
    median gradient norm of the lower half of the layers was under 1/100 of the classifier's
    (:mod:`seedproof.probes.vanishing`). It gives too many false alarms to stop a run (docs/detector.md): it
    warns.

    Args:
        after: steps before which a loss says nothing; None: a tenth of the training, the usual warm-up, and at least 50.
    """

    WINDOW = 50
    """Steps over which the loss is averaged."""
    LOOKS = 3
    """Looks at the gradients that must agree."""
    SHARE = 0.95
    """Share of the reference loss above which a loss has learned next to nothing."""

    def __init__(self, after: int | None = None) -> None:
        self._after = after
        self._losses: deque[float] = deque(maxlen=self.WINDOW)
        self._fractions: deque[float] = deque(maxlen=self.LOOKS)

    def see(self, signals: Signals) -> str | None:
        """Take the signals of the next step."""
        if not math.isfinite(signals.loss):
            return f"its loss is {signals.loss} at step {signals.step}"
        self._losses.append(signals.loss)
        if signals.norms is not None and not np.isinf(signals.norms).any():
            fraction = lower_fraction(signals.names, signals.norms)
            self._fractions.append(math.nan if fraction is None else fraction)
        after = max(self.WINDOW, signals.steps // 10) if self._after is None else self._after
        if signals.step < after or len(self._losses) < self.WINDOW or len(self._fractions) < self.LOOKS:
            return None
        loss = float(np.mean(self._losses))
        if loss < self.SHARE * signals.reference_loss or not all(each < THRESHOLD for each in self._fractions):
            return None
        return (
            f"the gradients of its lower layers have vanished ({self._fractions[-1]:.1e} of the classifier's) and its loss, "
            f"{loss:.3f} over the last {self.WINDOW} steps, sits at that of a prediction that never changes "
            f"({signals.reference_loss:.3f})"
        )
