"""Claims that were decided once and are decided no more: each with its verdict, and why its test was not good enough.

Their runs are those of the miniatures at dropout .1, in ``docs/history``.
"""

from __future__ import annotations

import pandas as pd

from seedproof.analysis.claims.base import Superseded

_DECIDED = "2026-11-23"

SUPERSEDED: tuple[Superseded, ...] = (
    Superseded(
        id="forgetting-failed-runs",
        sentence="Catastrophic forgetting is confined to failed runs: successful ones forget far less.",
        verdict="not decided",
        decided=_DECIDED,
        why="It compared failed runs of two tasks with successful runs of one, and took runs as successful that had not learned.",
        by=("forgetting-outcome", "forgetting-correction"),
    ),
    Superseded(
        id="loss-at-entropy",
        sentence="The training loss of failed runs stays at the entropy of the labels.",
        verdict="not decided",
        decided=_DECIDED,
        why="Half a claim: on one task the loss of successful runs was at the entropy, too.",
        by=("loss-at-entropy-failed",),
    ),
    Superseded(
        id="few-examples-stable",
        sentence="A small part of the training data, trained for as many steps as all of it, is as stable as all of it.",
        verdict="holds",
        decided=_DECIDED,
        why="It counted runs that failed by overfitting as failures of the optimization, and used one subset.",
        by=("few-examples-optimized",),
    ),
    Superseded(
        id="steps-not-examples",
        sentence="Failures on small data come from fewer steps, not from fewer examples.",
        verdict="not decided",
        decided=_DECIDED,
        why="It counted runs that failed by overfitting as failures of the optimization, and used one subset.",
        by=("steps-not-examples-optimized",),
    ),
    Superseded(
        id="gradients-vanish",
        sentence="Gradients of the lower layers vanish early in failed runs and do not recover; in successful runs they do.",
        verdict="not decided",
        decided=_DECIDED,
        why="It cited figures of three families and looked at BERT alone, by a median over kinds of weight that hides the "
        "query's vanishing in ALBERT's shared layer.",
        by=("gradients-vanish-bert", "gradients-vanish-roberta", "gradients-vanish-albert"),
    ),
    Superseded(
        id="barrier",
        sentence="Failed and successful optima are separated by a barrier of the training loss.",
        verdict="does not hold",
        decided=_DECIDED,
        why="Its planes had successful points that never learned, and it looked at the loss where the paper's barrier is one "
        "of the gradient norm.",
        by=("ridge-gradient-norm", "barrier-loss"),
    ),
    Superseded(
        id="low-loss-harmless",
        sentence="Training to a very low loss does not harm the development score.",
        verdict="holds",
        decided=_DECIDED,
        why="No run had a loss below .40, and the correlation was pooled over rates and corrections: within corrected runs "
        "it had the other sign.",
        by=("very-low-loss-harmless",),
    ),
    Superseded(
        id="spread-devlin",
        sentence="Scores of the proposed baseline spread less over seeds than those of the default recipe.",
        verdict="holds",
        decided=_DECIDED,
        why="A baseline that merely learns less would have been found to spread less, too.",
        by=("spread-devlin-at-no-price",),
    ),
    Superseded(
        id="spread-mixout",
        sentence="Scores of the proposed baseline spread less over seeds than those of Mixout.",
        verdict="holds",
        decided=_DECIDED,
        why="A baseline that merely learns less would have been found to spread less, too.",
        by=("spread-mixout-at-no-price",),
    ),
)
"""The claims in the order of the paper."""


def superseded_table() -> pd.DataFrame:
    """A row per claim: columns ``claim, sentence, verdict, decided`` (a date), ``why`` it is no more, ``by`` which ids."""
    columns = ["claim", "sentence", "verdict", "decided", "why", "by"]
    rows = [(old.id, old.sentence, old.verdict, old.decided, old.why, ", ".join(old.by)) for old in SUPERSEDED]
    return pd.DataFrame(rows, columns=columns)
