"""The paper's Table 1 from measured steps: 26 epochs of three tasks with 25 seeds each."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from seedproof.bench.lengths import BATCH, TASKS

EPOCHS = 26
"""Devlin's 3, Lee's 3 and 20 of the paper's recipe."""
SEEDS = 25
TASK_OF = {"large": "rte", "large mrpc": "mrpc", "large cola": "cola"}
"""Task of GLUE by trial."""


def steps_of(task: str) -> float:
    """Steps in all epochs of all seeds; evaluating the development set after every epoch is counted as the forward third
    of a step for each batch of it."""
    sizes = TASKS[task]
    batches = -(-sizes.train // BATCH) + -(-sizes.dev // BATCH) / 3
    return EPOCHS * SEEDS * batches


def table_1_seconds(step_seconds: Mapping[str, float]) -> float | None:
    """Seconds of the whole table from those of one step of one run by task; None unless all three are there."""
    if set(step_seconds) < set(TASKS):
        return None
    return sum(steps_of(task) * step_seconds[task] for task in TASKS)


def table_1_note(fleet_times: Mapping[str, list[float]]) -> str | None:
    """What a table says of it, from the fleet's times by trial."""
    seconds = {
        TASK_OF[name]: statistics.median(times) for name, times in fleet_times.items() if name in TASK_OF and times
    }
    total = table_1_seconds(seconds)
    if total is None:
        return None
    return (
        f"the paper's Table 1 ({EPOCHS} epochs x 3 tasks x {SEEDS} seeds, BERT-large, batch {BATCH}) with the fleet: "
        f"{total / 60:.0f} minutes, estimated from measured steps, evaluations counted as forward passes"
    )
