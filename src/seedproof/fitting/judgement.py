"""What is known of a judged fit: its runs, which of them are shipped, and what to expect of that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.choosing import Choice, SpreadParts
from seedproof.analysis.statistics import standard_deviation, wilson_interval


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run of the fit."""

    id: str
    seed: str
    """Its label in tables."""
    score: float
    """NaN: diverged."""
    outcome: str
    """``succeeded`` or ``failed``."""
    kind: str
    """How it ended, in one of the words of :mod:`seedproof.analysis.endings`."""
    outputs: NDArray[Any]
    """Logits of the development set, (examples, outputs); of a diverged run (0, outputs)."""

    @property
    def has_answered(self) -> bool:
        """Whether it has a score."""
        return math.isfinite(self.score)


@dataclass(frozen=True, kw_only=True)
class StoppedRun:
    """A run of the fit that a race, or an alarm within it, has stopped."""

    seed: str
    """Its label in tables."""
    at: int
    """Step after which it was stopped."""
    by: str
    """``race`` or ``alarm``."""
    score: float
    """Score of its last evaluation; NaN where it had none."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is shipped, and what is known of it."""

    runs: tuple[Run, ...]
    """All that are finished, in the order of their seeds."""
    shipped: str
    """``best``: one run; or what was averaged: ``predictions``, ``weights``."""
    choice: Choice
    """The best run among those that have a score, and what choosing it is worth."""
    best: Run
    members: tuple[Run, ...]
    """The runs whose weights are shipped."""
    outputs: NDArray[Any]
    """Logits, or logarithms of probabilities, of what is shipped on the development set, (examples, outputs)."""
    score: float
    """Score of what is shipped, on the development set."""
    expected: float
    """Score of it on new rows like those of the development set, of an average the most that is to be expected; NaN where no draw
    of the examples can be scored."""
    low: float
    high: float
    """Ends of the 95 % interval of :attr:`expected`: the sampling error of the development set. NaN where there is none."""
    spread: SpreadParts
    """What the spread of the runs that succeeded is made of."""
    ensemble: Mapping[str, Any]
    """Where an ensemble was asked for: ``averaged``, ``runs`` (that succeeded), and where these are several ``score``, and how
    much it and the best run gained over the mean of all on examples that did not choose: ``gain``, ``gain_of_choosing``; else
    empty."""
    stopped: tuple[StoppedRun, ...] = ()
    """Runs that were stopped early: those that finished were selected, and are no sample of the recipe's runs."""
    left_out: float = 0.0
    """Fraction of the bootstrap's draws of which one side cannot be scored, and which say nothing therefore."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores of all finished runs; NaN of a diverged one."""
        return np.array([run.score for run in self.runs])

    @property
    def failed(self) -> int:
        """Finished runs that failed."""
        return sum(run.outcome == "failed" for run in self.runs)

    @property
    def optimism(self) -> float:
        """What the development score of the chosen seed flatters it by; NaN of an average, of which that is not known."""
        return self.score - self.expected if self.shipped == "best" else math.nan

    def numbers(self) -> dict[str, Any]:
        """All of it as plain values, for the card and ``seedproof.json``."""
        return {
            **self._stability(),
            "shipped": self.shipped,
            "score": self.score,
            "expected": self.expected,
            "optimism": self.optimism,
            "low": self.low,
            "high": self.high,
            "seeds": {run.seed: {"score": run.score, "outcome": run.outcome, "kind": run.kind} for run in self.runs},
            "chosen_seed": self.best.seed,
            "ensemble": dict(self.ensemble),
        }

    def _stability(self) -> dict[str, Any]:
        """What is known of the recipe, whatever is shipped."""
        low, high = (math.nan, math.nan) if self.stopped else wilson_interval(self.failed, len(self.runs))
        succeeded = np.array([run.score for run in self.runs if run.outcome == "succeeded"])
        started = {"started": len(self.runs) + len(self.stopped), "stopped": len(self.stopped)} if self.stopped else {}
        return {
            **started,
            "runs": len(self.runs),
            "failed": self.failed,
            "failure_low": low,
            "failure_high": high,
            "mean": float(self.scores.mean()),
            "sd": float(standard_deviation(self.scores)),
            "succeeded_mean": float(succeeded.mean()) if len(succeeded) else math.nan,
            "succeeded_sd": float(standard_deviation(succeeded)) if len(succeeded) else math.nan,
            "minimum": float(self.scores.min()),
            "maximum": float(self.scores.max()),
            "sampling_sd": self.spread.sampling,
            "seeds_sd": self.spread.seeds,
            "sampling_share": self.spread.share,
            "standard_error": self.spread.standard_error,
        }
