"""A mean of the runs that succeeded as a model to ship: of their predictions, or of their weights.

It takes the place of the best run only where it gains more on examples that did not choose
(:mod:`seedproof.analysis.choosing`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.choosing import Resampled, bias, gain
from seedproof.errors import unknown
from seedproof.fitting.intervals import interval_of_score
from seedproof.fitting.judgement import Judgement, Run
from seedproof.fitting.predicting import probabilities

if TYPE_CHECKING:
    from seedproof.tasks import Task

Averaged = Literal["predictions", "weights"]
"""What an ensemble averages."""
OutputsOfMean = Callable[[Sequence[Run]], NDArray[Any]]
"""Gives the logits on the development set of a model whose weights are the mean of these runs'."""
LEAST_RUNS = 2
"""Runs that an average is made of at least."""
_TINY = 1e-12
"""Probabilities are kept above it, so that their logarithms are finite."""


def check_ensemble(ensemble: str | None) -> Averaged | None:
    """What an ensemble is to average.

    Raises:
        UserError: neither predictions nor weights.
    """
    if ensemble not in (None, *get_args(Averaged)):
        raise unknown("ensemble", ensemble, get_args(Averaged))
    return ensemble  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Average:
    """The mean of several runs."""

    averaged: Averaged
    runs: tuple[Run, ...]
    outputs: NDArray[Any]
    """Logits, or logarithms of probabilities, on the development set, (examples, outputs)."""


def average(
    averaged: Averaged, runs: Sequence[Run], problem_type: str, outputs_of_mean: OutputsOfMean | None
) -> Average:
    """Average runs; metrics take the outputs like logits."""
    if averaged == "weights":
        assert outputs_of_mean is not None
        return Average(averaged, tuple(runs), outputs_of_mean(runs))
    return Average(averaged, tuple(runs), _mean_prediction(runs, problem_type))


def _mean_prediction(runs: Sequence[Run], problem_type: str) -> NDArray[Any]:
    mean: NDArray[Any] = np.mean([probabilities(run.outputs, problem_type) for run in runs], axis=0)
    if problem_type == "regression":
        return mean
    logarithms: NDArray[Any] = np.log(np.maximum(mean, _TINY))
    if problem_type == "multi_label_classification":
        logarithms = logarithms - np.log(np.maximum(1 - mean, _TINY))
    return logarithms


def with_average(judgement: Judgement, mean: Average, resampled: Resampled, task: Task) -> Judgement:
    """The mean in place of the best run, where it scores more on examples that did not choose; what was compared in any case.

    Args:
        judgement: that ships the best run.
        mean: that may take its place.
        resampled: scores of the runs that have any, and of the mean as the last candidate.
        task: whose development set scores them.
    """
    of_runs, of_mean = resampled.take(slice(-1)), resampled.rest[:, -1]
    gained = float((of_mean - of_runs.rest.mean(axis=1)).mean()) if len(of_mean) else math.nan
    by_choosing = gain(of_runs, of_runs.drawn.argmax(axis=1))
    score = task.judge.score(mean.outputs, task.dev.labels)
    compared = {
        "averaged": mean.averaged,
        "runs": len(mean.runs),
        "score": score,
        "gain": gained,
        "gain_of_choosing": by_choosing,
    }
    if not gained > by_choosing:
        return dataclasses.replace(judgement, ensemble=compared)
    low, high = interval_of_score(task, mean.outputs, too_high=bias(score, resampled.drawn[:, -1]))
    return dataclasses.replace(
        judgement,
        shipped=mean.averaged,
        members=mean.runs,
        outputs=mean.outputs,
        score=score,
        # Only that it is shipped was chosen by it. The mean of all runs and its gain is the same number: a draw's rest is of the
        # same examples (tests/fitting/test_averaging.py).
        expected=score,
        low=low,
        high=high,
        ensemble=compared,
    )
