"""What a reproduction would run, how long it would take and how much disk it would fill; needs no data, weights or network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedproof.execution import counting
from seedproof.paper.blocks import Block, with_weights
from seedproof.paper.figure import Figure
from seedproof.paper.scale import Scale
from seedproof.probes.early import STEPS

if TYPE_CHECKING:
    import pandas as pd

GRADIENTS_EVERY = 10
TENSORS_PER_LAYER, OTHER_TENSORS = 16, 10


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Sums over everything that a reproduction does; times for one worker."""

    runs: int
    steps: int
    training_seconds: float
    measuring_seconds: float
    disk_bytes: float

    def hours(self, jobs: int) -> float:
        """Wall-clock time with so many runs at a time; measurements use as many processes."""
        training = counting.wall_seconds(self.training_seconds, self.runs, jobs)
        return (training + self.measuring_seconds / jobs) / 3600


def plan_table(figures: Sequence[Figure], scale: Scale, everything: Sequence[Figure]) -> pd.DataFrame:
    """Every cell that is run, each run in one row only.

    Args:
        figures: asked for.
        scale: of the reproduction.
        everything: all figures there are: what any of them keeps of a run is kept.

    Returns:
        Columns ``task, model, recipe, runs, seeds`` (labels), ``steps`` (of each run), ``weights`` (kept or not),
        ``seconds`` and ``mib`` (of all its runs), ``figures`` (names), ``ids`` (pending: data and weights decide them).
    """
    import pandas as pd

    users: dict[object, list[str]] = {}
    for figure in figures:
        for key in (key for block in figure.blocks(scale) for key in block.run_keys()):
            users.setdefault(key, []).append(figure.name)
    rows = []
    for block in planned(figures, scale, everything):
        names = dict.fromkeys(name for key in block.run_keys() for name in users[key])
        rows.append(
            {
                "task": block.task_name(scale),
                "model": scale.model(block.model).name,
                "recipe": block.recipe.name,
                "runs": len(block.seeds),
                "seeds": " ".join(seed.label for seed in block.seeds),
                "steps": block.steps(scale),
                "weights": block.weights,
                "seconds": len(block.seeds) * run_seconds(block, scale),
                "mib": len(block.seeds) * run_bytes(block, scale) / 2**20,
                "figures": " ".join(names),
                "ids": "pending",
            }
        )
    columns = ["task", "model", "recipe", "runs", "seeds", "steps", "weights", "seconds", "mib", "figures", "ids"]
    return pd.DataFrame(rows, columns=columns)


def planned(figures: Sequence[Figure], scale: Scale, everything: Sequence[Figure]) -> list[Block]:
    """The blocks of figures with each run once, weights kept wherever any figure needs them."""
    asked = [block for figure in figures for block in figure.blocks(scale)]
    return with_weights(asked, [block for figure in everything for block in figure.blocks(scale)])


def estimate(figures: Sequence[Figure], scale: Scale, everything: Sequence[Figure]) -> Estimate:
    """The sums of :func:`plan_table` with what is measured on stored weights; equal measurements count once."""
    blocks = planned(figures, scale, everything)
    return Estimate(
        runs=sum(len(block.seeds) for block in blocks),
        steps=sum(len(block.seeds) * block.steps(scale) for block in blocks),
        training_seconds=sum(len(block.seeds) * run_seconds(block, scale) for block in blocks),
        measuring_seconds=sum(measured(figures, scale).values()),
        disk_bytes=sum(len(block.seeds) * run_bytes(block, scale) for block in blocks),
    )


def measured(figures: Sequence[Figure], scale: Scale) -> Mapping[str, float]:
    """What is measured on stored weights, with seconds, each once."""
    return {what: seconds for figure in figures for what, seconds in figure.measured(scale)}


def evaluations(block: Block, scale: Scale) -> int:
    """How often the development set is evaluated: after every epoch, and at the end."""
    per_epoch = -(-(block.examples or scale.task(block.task).train) // block.recipe.batch_size)
    return math.ceil(block.steps(scale) / per_epoch)


def run_seconds(block: Block, scale: Scale) -> float:
    """Seconds of one run on one worker."""
    known, dev = scale.model(block.model), scale.task(block.task).dev
    return counting.run_seconds(known.seconds_per_step, block.steps(scale), evaluations(block, scale), dev, 16)


def run_bytes(block: Block, scale: Scale) -> float:
    """Bytes of one run on the disk: its journal, and its weights where they are kept."""
    known, times = scale.model(block.model), evaluations(block, scale)
    # ALBERT has the tensors of one layer, however often it is applied.
    tensors = TENSORS_PER_LAYER * (1 if known.family == "albert" else known.layers) + OTHER_TENSORS
    steps = block.steps(scale)
    return counting.run_bytes(
        steps,
        times,
        norms=steps // GRADIENTS_EVERY + 1 + min(steps, STEPS) // 2,  # those of the first steps in half the digits
        tensors=tensors,
        logits=2 * scale.task(block.task).dev,
        parameters=known.parameters,
        keeps_weights=block.weights,
    )
