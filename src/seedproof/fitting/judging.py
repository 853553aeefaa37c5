"""Which model of a fit is shipped, and what to expect of it: the best run by the development set, or an average of all.

Whatever chooses, examples that did not choose it judge (:mod:`seedproof.analysis.choosing`). A run that failed stays in the
failure rate and in the mean of all runs; what averages runs averages those that succeeded.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.choosing import Resampled, bias, choice, resample, spread_parts
from seedproof.errors import UserError
from seedproof.fitting.averaging import LEAST_RUNS, Averaged, OutputsOfMean, average, with_average
from seedproof.fitting.intervals import interval_of_score
from seedproof.fitting.judgement import Judgement, Run, StoppedRun
from seedproof.printable import counted

if TYPE_CHECKING:
    from seedproof.tasks import Task


def judge(
    runs: Sequence[Run],
    task: Task,
    problem_type: str,
    *,
    ensemble: Averaged | None = None,
    averaged_outputs: OutputsOfMean | None = None,
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
        stopped: runs that a race has stopped, in the order of their seeds.
        study: command that shows the runs, for a message.

    Raises:
        UserError: no run succeeded, so there is nothing to ship.
    """
    succeeded = [run for run in runs if run.outcome == "succeeded"]
    if not succeeded:
        raise UserError(_nothing_to_ship(runs, stopped, task, study))
    mean = None
    if ensemble and len(succeeded) >= LEAST_RUNS:
        mean = average(ensemble, succeeded, problem_type, averaged_outputs)
    candidates = [run.outputs for run in runs if run.has_answered]
    count = len(candidates)
    if mean is not None:
        candidates.append(mean.outputs)
    metric = task.judge
    resampled = resample(metric.score, candidates, task.dev.labels, is_defined=metric.is_defined, groups=_groups(task))
    judgement = _best(runs, stopped, task, resampled.take(slice(count)))
    if mean is not None:
        return with_average(judgement, mean, resampled, task)
    return dataclasses.replace(judgement, ensemble={"averaged": ensemble, "runs": len(succeeded)} if ensemble else {})


def _groups(task: Task) -> NDArray[np.int64] | None:
    """The number of each development example's group, if it has any: examples of one are not independent."""
    groups = task.dev.groups
    return None if groups is None else np.unique(groups, return_inverse=True)[1]


def _best(runs: Sequence[Run], stopped: Sequence[StoppedRun], task: Task, resampled: Resampled) -> Judgement:
    """The best of the runs that have a score; ``resampled`` has those alone."""
    answered = [run for run in runs if run.has_answered]
    scores = np.array([run.score for run in answered])
    chosen = choice(scores, resampled)
    best = answered[chosen.index]
    succeeded = [index for index, run in enumerate(answered) if run.outcome == "succeeded"]
    too_high = chosen.optimism + bias(chosen.score, resampled.drawn[:, chosen.index])
    low, high = interval_of_score(task, best.outputs, too_high=too_high)
    return Judgement(
        runs=tuple(runs),
        shipped="best",
        choice=chosen,
        best=best,
        members=(best,),
        outputs=best.outputs,
        score=chosen.score,
        expected=chosen.expected,
        low=low,
        high=high,
        spread=spread_parts(scores[succeeded], resampled.take(succeeded)),
        ensemble={},
        stopped=tuple(stopped),
        left_out=resampled.left_out_share,
    )


def _nothing_to_ship(runs: Sequence[Run], stopped: Sequence[StoppedRun], task: Task, study: str) -> str:
    if not runs:
        return "no run is finished, so there is no model to ship; give the same command again"
    diverged = sum(not run.has_answered for run in runs)
    best = max((run.score for run in runs if run.has_answered), default=math.nan)
    how = f"the best scores {best:.3f}, and a prediction that never changes {task.majority[task.metric]:.3f}"
    how = "all diverged" if diverged == len(runs) else how + (f"; {diverged} diverged" if diverged else "")
    others = f" ({len(stopped)} more stopped early)" if stopped else ""
    return (
        f"{counted(len(runs), 'run')} of {len(runs)} failed{others}, so there is no model to ship: {how} ({task.judge.title}); "
        f"give another --recipe, a lower --set learning_rate=... or more rows. To see how they ended: {study}"
    )
