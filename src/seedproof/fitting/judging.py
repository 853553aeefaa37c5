"""Which model of a fit is shipped, and what to expect of it: the best run by the development set, or an average of all.

Whatever chooses, examples that did not choose it judge (:mod:`seedproof.analysis.choosing`). A run that failed stays in the
failure rate and in the mean of all runs; what averages runs averages those that succeeded.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.choosing import Choice, Resampled, SpreadParts, bias, choice, gain, resample, spread_parts
from seedproof.analysis.statistics import standard_deviation, wilson_interval
from seedproof.errors import UserError, unknown
from seedproof.fitting.predicting import probabilities
from seedproof.printable import counted
from seedproof.tasks.uncertainty import score_interval

if TYPE_CHECKING:
    from seedproof.tasks import Task

Averaged = Literal["predictions", "weights"]
"""What an ensemble averages."""
_TINY = 1e-12
"""Probabilities are kept above it, so that their logarithms are finite."""


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
    """Score of it on new rows like those of the development set."""
    low: float
    high: float
    """Ends of the 95 % interval of :attr:`expected`: the sampling error of the development set."""
    spread: SpreadParts
    """What the spread of the runs that succeeded is made of."""
    ensemble: Mapping[str, Any]
    """Where an ensemble was asked for: ``averaged``, ``runs``, ``score``, and how much it and the best run gained over the
    mean of all on examples that did not choose: ``gain``, ``gain_of_choosing``; else empty."""
    stopped: tuple[StoppedRun, ...] = ()
    """Runs that were stopped early: those that finished were selected, and are no sample of the recipe's runs."""

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
        """What the development score of what is shipped flatters it by."""
        return self.score - self.expected

    def numbers(self) -> dict[str, Any]:
        """All of it as plain values, for the card and ``seedproof.json``."""
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


def check_ensemble(ensemble: str | None) -> Averaged | None:
    """What an ensemble is to average.

    Raises:
        UserError: neither predictions nor weights.
    """
    if ensemble not in (None, *get_args(Averaged)):
        raise unknown("ensemble", ensemble, get_args(Averaged))
    return ensemble  # type: ignore[return-value]


def judge(
    runs: Sequence[Run],
    task: Task,
    problem_type: str,
    *,
    ensemble: Averaged | None = None,
    averaged_outputs: Callable[[Sequence[Run]], NDArray[Any]] | None = None,
    groups: NDArray[np.int64] | None = None,
    stopped: Sequence[StoppedRun] = (),
    study: str = "",
) -> Judgement:
    """Choose what is shipped.

    Args:
        runs: finished, in the order of their seeds.
        task: whose development set they were scored on.
        problem_type: Transformers' word for what the outputs are.
        ensemble: what to average, if that turns out better.
        averaged_outputs: the logits on the development set of a model whose weights are the mean of these runs'.
        groups: number of each development example's group, if it has any: examples of one are not independent.
        stopped: runs that a race has stopped, in the order of their seeds.
        study: command that shows the runs, for a message.

    Raises:
        UserError: no run succeeded, so there is nothing to ship.
    """
    succeeded = [run for run in runs if run.outcome == "succeeded"]
    if not succeeded:
        raise UserError(_nothing_to_ship(runs, task, study))
    answered = [run for run in runs if run.has_answered]
    labels, score = task.dev.labels, task.judge.score
    candidates = [run.outputs for run in answered]
    if ensemble and len(succeeded) > 1:
        candidates.append(_averaged(ensemble, succeeded, problem_type, averaged_outputs))
    whole = resample(score, candidates, labels, groups=groups)
    count = len(answered)
    alone = Resampled(whole.drawn[:, :count], whole.rest[:, :count])
    scores = np.array([run.score for run in answered])
    chosen = choice(scores, alone)
    best = answered[chosen.index]
    won = [answered.index(run) for run in succeeded]
    spread = spread_parts(scores[won], Resampled(alone.drawn[:, won], alone.rest[:, won]))
    low, high = score_interval(task.judge, best.outputs, labels)
    too_high = chosen.optimism + bias(chosen.score, alone.drawn[:, chosen.index])
    judgement = Judgement(
        runs=tuple(runs),
        shipped="best",
        choice=chosen,
        best=best,
        members=(best,),
        outputs=best.outputs,
        score=chosen.score,
        expected=chosen.expected,
        low=low - too_high,
        high=high - too_high,
        spread=spread,
        ensemble={},
        stopped=tuple(stopped),
    )
    return (
        judgement
        if len(candidates) == count
        else _with_ensemble(judgement, ensemble, candidates[-1], whole, task, succeeded)
    )


def _with_ensemble(
    judgement: Judgement,
    ensemble: Averaged | None,
    outputs: NDArray[Any],
    whole: Resampled,
    task: Task,
    succeeded: Sequence[Run],
) -> Judgement:
    """The ensemble in place of the best run, where it scores more on examples that did not choose."""
    count = whole.rest.shape[1] - 1
    of_runs = Resampled(whole.drawn[:, :count], whole.rest[:, :count])
    gained = float((whole.rest[:, count] - of_runs.rest.mean(axis=1)).mean()) if len(whole.rest) else math.nan
    by_choosing = gain(of_runs, of_runs.drawn.argmax(axis=1))
    score = task.judge.score(outputs, task.dev.labels)
    compared = {
        "averaged": ensemble,
        "runs": len(succeeded),
        "score": score,
        "gain": gained,
        "gain_of_choosing": by_choosing,
    }
    if not gained > by_choosing:
        return dataclasses.replace(judgement, ensemble=compared)
    low, high = score_interval(task.judge, outputs, task.dev.labels)
    too_high = bias(score, whole.drawn[:, count])
    return dataclasses.replace(
        judgement,
        shipped=str(ensemble),
        members=tuple(succeeded),
        outputs=outputs,
        score=score,
        expected=score,  # nothing was chosen by its score but that it is shipped
        low=low - too_high,
        high=high - too_high,
        ensemble=compared,
    )


def _averaged(
    ensemble: Averaged,
    runs: Sequence[Run],
    problem_type: str,
    of_weights: Callable[[Sequence[Run]], NDArray[Any]] | None,
) -> NDArray[Any]:
    """Outputs of an average of runs, which metrics take like logits."""
    if ensemble == "weights":
        assert of_weights is not None
        return of_weights(runs)
    mean: NDArray[Any] = np.mean([probabilities(run.outputs, problem_type) for run in runs], axis=0)
    if problem_type == "regression":
        return mean
    logarithms: NDArray[Any] = np.log(np.maximum(mean, _TINY))
    if problem_type == "multi_label_classification":
        logarithms = logarithms - np.log(np.maximum(1 - mean, _TINY))
    return logarithms


def _nothing_to_ship(runs: Sequence[Run], task: Task, study: str) -> str:
    if not runs:
        return "no run is finished, so there is no model to ship; give the same command again"
    diverged = sum(not run.has_answered for run in runs)
    best = max((run.score for run in runs if run.has_answered), default=math.nan)
    how = f"the best scores {best:.3f}, and a prediction that never changes {task.majority[task.metric]:.3f}"
    how = "all diverged" if diverged == len(runs) else how + (f"; {diverged} diverged" if diverged else "")
    return (
        f"{counted(len(runs), 'run')} of {len(runs)} failed, so there is no model to ship: {how} ({task.judge.title}); give "
        f"another --recipe, a lower --set learning_rate=... or more rows. To see how they ended: {study}"
    )
