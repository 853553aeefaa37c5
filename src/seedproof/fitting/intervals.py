"""How far the score of what is shipped may be off, because the development set is one sample of examples, or of their groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedproof.tasks.uncertainty import CONFIDENCE, score_interval

if TYPE_CHECKING:
    from jaxtyping import Float64

    from seedproof.tasks import Task


def interval_of_score(
    task: Task, outputs: NDArray[Any], drawn: Float64[np.ndarray, " resamples"], *, too_high: float, is_grouped: bool
) -> tuple[float, float]:
    """The 95 % interval of what is to be expected of a model on new rows.

    Examples of one group are not independent, and formulas for single examples take too many of them for independent ones. Where
    there are groups, the ends are the quantiles of draws of whole groups, but no nearer than those of single examples: where a
    model answers all alike, every draw scores the same.

    Args:
        task: whose development set was scored.
        outputs: of the model on that set, (examples, outputs).
        drawn: scores of the model on bootstrap samples of the set, of whole groups if it has any.
        too_high: by how much the score on the set, and on draws of it, exceeds what is to be expected.
        is_grouped: whether the examples have groups.

    Returns:
        Lower and upper end; (NaN, NaN) where examples or groups are too few.
    """
    low, high = score_interval(task.judge, outputs, task.dev.labels)
    if is_grouped:
        if not len(drawn):
            return math.nan, math.nan
        ends = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        low, high = float(np.fmin(low, ends[0])), float(np.fmax(high, ends[1]))
    if not math.isfinite(high):
        return low - too_high, high
    return low - too_high, min(task.judge.best, high - too_high)  # draws that happen to score too low move it beyond
