"""How far the score of what is shipped may be off, because the development set is one sample of examples, or of their groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from seedproof.tasks.uncertainty import score_interval

if TYPE_CHECKING:
    from seedproof.tasks import Task


def interval_of_score(task: Task, outputs: NDArray[Any], *, too_high: float) -> tuple[float, float]:
    """The 95 % interval of what is to be expected of a model on new rows.

    Args:
        task: whose development set was scored.
        outputs: of the model on that set, (examples, outputs).
        too_high: by how much the score on the set, and on draws of it, exceeds what is to be expected.

    Returns:
        Lower and upper end; (NaN, NaN) where examples or groups are too few.
    """
    low, high = score_interval(task.judge, outputs, task.dev.labels, task.dev.groups)
    if not math.isfinite(high):
        return low - too_high, high
    return low - too_high, min(task.judge.best, high - too_high)  # draws that happen to score too low move it beyond
