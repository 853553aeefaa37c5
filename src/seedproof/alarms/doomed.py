"""The doomed-run detector: how likely a run is to fail, from its loss and its gradients so far.

Two numbers that have no unit, so that depth, width, task and length of training change little of what they mean: the share
of the label entropy that the loss has come down, and the ratio of lower to upper gradient norms. A logistic regression of
them was fit at five fractions of the training. ``benchmarks/detector.py`` fits it, sets the thresholds, measures it on other
runs and writes ``doomed.json``; docs/detector.md has what was measured.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from seedproof.alarms.base import Alarm, Signals, Validation
from seedproof.probes.vanishing import attention_fraction

TABLE = Path(__file__).with_name("doomed.json")
"""Coefficients, thresholds, and what they were fit to and measured on."""
FRACTIONS = (0.2, 0.3, 0.4, 0.5, 0.6)
"""Fractions of the training behind which the detector decides, at the next look at the gradients."""
EVERY = 10
"""Steps from one look to the next: gradients are recorded so often where nothing else is said, and other steps are passed over,
so that a run has the same symptoms with any recording."""
WINDOW = 20
"""Fewest steps over which losses and looks are averaged; else a tenth of the training."""
SMALLEST = 1e-8
"""Ratio of norms below which all are alike."""


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """What the detector judges a run by at a decision."""

    step: int
    decision: int
    """Number of the fraction in :data:`FRACTIONS`, from 0."""
    learned: float
    """1 minus the mean loss of the window as a share of the reference loss: 0 has learned nothing, 1 everything. A loss above the
    reference counts as one at it: with classes of different size it is there before the classifier's bias has followed."""
    vanished: float
    """Median over the window of the base 10 logarithm of the lower layers' gradients as a fraction of the classifier's
    (:func:`seedproof.probes.vanishing.attention_fraction`), of queries and keys: theirs vanish first."""


class Examination:
    """Reads the signals of one run in order, and takes its symptoms where there is something to decide."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque()
        self._looks: deque[tuple[int, float]] = deque()
        self._done = -1

    def see(self, signals: Signals) -> Symptoms | None:
        """The symptoms, at the first look behind a fraction; else None, and also where they cannot be told: no layers and
        classifier known by their names, or all labels alike."""
        window = max(WINDOW, signals.steps // 10)
        self._losses.append(signals.loss)
        if len(self._losses) > window:
            self._losses.popleft()
        if signals.norms is None or signals.step % EVERY:
            return None
        self._looks.append((signals.step, _vanished(signals)))
        while self._looks[0][0] <= signals.step - window:
            self._looks.popleft()
        passed = sum(each * signals.steps <= signals.step for each in FRACTIONS) - 1
        if passed <= self._done or len(self._losses) < window or not signals.reference_loss > 0:
            return None
        vanished = float(np.median([look for _, look in self._looks]))
        learned = 1 - float(np.mean(self._losses)) / signals.reference_loss
        if not math.isfinite(vanished + learned):
            return None
        self._done = passed
        return Symptoms(step=signals.step, decision=passed, learned=max(0.0, learned), vanished=vanished)


def _vanished(signals: Signals) -> float:
    """The logarithm of a look, NaN where it cannot be told."""
    assert signals.norms is not None
    fraction = attention_fraction(signals.names, signals.norms)
    return math.nan if fraction is None else math.log10(max(fraction, SMALLEST))


def symptoms_of(signals: Iterable[Signals]) -> Iterator[Symptoms]:
    """Yield the symptoms of a run at every decision, from its signals in order."""
    examination = Examination()
    for each in signals:
        if (found := examination.see(each)) is not None:
            yield found


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A logistic regression at one fraction of the training."""

    intercept: float
    learned: float
    vanished: float

    def probability(self, symptoms: Symptoms) -> float:
        """Probability that a run with these symptoms fails, as it was among the runs of the fit."""
        logit = self.intercept + self.learned * symptoms.learned + self.vanished * symptoms.vanished
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, logit))))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What was fit to the training runs, and measured on the test runs."""

    decisions: tuple[Decision, ...]
    """One per fraction in :data:`FRACTIONS`."""
    threshold: float
    """Probability of failing from which on there is an alarm: the lowest with which false alarms among the training runs, out of
    fold, are as few as an alarm that stops runs must have."""
    validation: Validation | None = None
    """Its false alarms among the test runs."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fit:
        """Read a fit; what else the value says is of its making."""
        measured = value.get("validation")
        return cls(
            decisions=tuple(Decision(**each) for each in value["decisions"]),
            threshold=value["threshold"],
            validation=None
            if measured is None
            else Validation(**{**measured, "models": frozenset(measured["models"])}),
        )


@lru_cache(maxsize=1)
def shipped() -> Fit:
    """The fit of :data:`TABLE`."""
    return Fit.from_json(json.loads(TABLE.read_text(encoding="utf-8")))


class Doomed(Alarm):
    """A run like those that failed: its loss has come down too little, and its lower layers' gradients have vanished too far.

    It decides at a fifth of the training and at each further tenth up to six, and gives alarm where a run is so likely to
    fail that next to none of the runs that it was measured on was named wrongly; at once where a loss is not finite. It
    sees collapsed runs. One that is overfitted at its end, or collapses later, cannot be seen so early (docs/detector.md).
    It needs the recording ``gradients``, and says nothing of models whose layers are not known by their names.

    Args:
        probability: of failing, from which on there is an alarm; None: the one whose false alarms were measured. With any
            other the alarm is not validated, and stops no run of its own accord.
        fit: None: the one that comes with the package.
    """

    def __init__(self, probability: float | None = None, *, fit: Fit | None = None) -> None:
        self._fit = shipped() if fit is None else fit
        self._threshold = self._fit.threshold if probability is None else probability
        self.validation = self._fit.validation if probability is None else None
        self._examination = Examination()

    def see(self, signals: Signals) -> str | None:
        """Take the signals of the next step."""
        if not math.isfinite(signals.loss):
            return f"its loss is {signals.loss} at step {signals.step}"
        found = self._examination.see(signals)
        if found is None or (probability := self._fit.decisions[found.decision].probability(found)) < self._threshold:
            return None
        return (
            f"it is {probability:.0%} likely to fail at step {found.step} of {signals.steps}: its loss is {found.learned:.1%} "
            f"under that of a prediction that never changes, and the gradients of its lower layers are "
            f"{10**found.vanished:.1e} of the classifier's"
        )
