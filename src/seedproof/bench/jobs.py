"""What each kind of contender does in its worker process: steps without end, a call of the gate after each."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from seedproof.bench.contenders import Contender
from seedproof.bench.gate import Gate
from seedproof.bench.inputs import Inputs
from seedproof.bench.roofline import Cost, measure_rates, point_cost, step_cost
from seedproof.machine import free_gpu_bytes
from seedproof.spec import Seeds
from seedproof.training.fleet.engine import FleetEngine
from seedproof.training.fleet.member import Member
from seedproof.training.plain import PlainEngine

Job = Callable[[Contender, Inputs, Sequence[int], Gate], None]
"""Takes the seeds of its runs; ends with :class:`seedproof.bench.gate.Enough`."""


LEAST_STATE = 20
"""Bytes of a member on a GPU for each parameter: weight, gradient, two moments and start."""


def plain(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """Our plain engine, one run after the other."""

    def run(seed: int, after_step: Callable[[], None]) -> None:
        engine = PlainEngine(
            inputs.model(seed),
            inputs.recipe,
            inputs.plan(seed),
            inputs.data,
            seeds=Seeds.from_number(seed),
            precision=contender.precision,
            device=contender.device,
        )
        for _ in engine.run():
            if engine.step:
                after_step()

    _whole_or_steps(contender, inputs, seeds, gate, run)


def trainer(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """The Transformers Trainer, one run after the other."""
    from seedproof.bench.trainer import train

    _whole_or_steps(contender, inputs, seeds, gate, lambda seed, after_step: train(contender, inputs, seed, after_step))


def _whole_or_steps(
    contender: Contender,
    inputs: Inputs,
    seeds: Sequence[int],
    gate: Gate,
    run: Callable[[int, Callable[[], None]], None],
) -> None:
    if contender.whole:
        inputs.model(seeds[0])  # there is no warm-up: what is loaded once should not be counted
    gate.open()
    if not contender.whole:
        run(seeds[0], gate)
    while True:
        for seed in seeds[: contender.whole]:
            run(seed, _nothing)
        gate()


def fleet(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """Our fleet engine. On a GPU in as few fleets as memory allows: the largest of them is what is timed."""
    for size in _sizes(contender, inputs, len(seeds)):
        gate.facts["members"] = size
        try:
            _train_fleet(contender, inputs, seeds[:size], gate)
        except torch.OutOfMemoryError:
            if size == 1 or gate.is_ready:
                raise
        print(f"no memory for a fleet of {size}", file=sys.stderr)
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        gate.restart()


def _sizes(contender: Contender, inputs: Inputs, wanted: int) -> list[int]:
    """Members to try, from the most: all that are wanted, or a half, a third, ... of them."""
    if contender.device == "cpu":
        return [wanted]
    sizes = sorted({-(-wanted // parts) for parts in range(1, wanted + 1)}, reverse=True)
    free = free_gpu_bytes()
    own = LEAST_STATE * inputs.size().parameters
    return [size for size in sizes if size * own < free] or [1]


def make_engine(
    inputs: Inputs, seeds: Sequence[int], precision: str, device: str, shared: Any | None = None
) -> FleetEngine:
    """A fleet of runs of these seeds, ready for its first step; all of one ``shared`` model, or each of its own."""
    members = [
        Member(
            model=shared or inputs.model(seed),
            recipe=inputs.recipe,
            plan=inputs.plan(seed),
            data=inputs.data,
            seeds=Seeds.from_number(seed),
        )
        for seed in seeds
    ]
    engine = FleetEngine(members[0].model, precision=precision, device=device)
    engine.join(members)
    return engine


def _train_fleet(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    shared = inputs.shared_model(seeds[0])
    gate.open()
    while True:
        engine = make_engine(inputs, seeds, contender.precision, contender.device, shared)
        after_step = _nothing if contender.whole else gate
        while engine.members:
            engine.train_step()
            engine.release([member for member in engine.members if member.is_done])
            after_step()
        gate()


def rates(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """The machine itself; with the cost that the lower bound is counted from."""
    size, lengths = inputs.size(), inputs.lengths(seeds[0])
    if contender.group == "lower bound of points":
        lengths = [np.array([len(row) for row in inputs.data.train.ids[: inputs.problem.batch]])]
        costs = [point_cost(size, lengths[0])]
    else:
        costs = [step_cost(size, batch) for batch in lengths]
    gate.facts = {"cost": mean_cost(costs)}
    tokens = round(sum(int(batch.sum()) for batch in lengths) / len(lengths))
    gate.open()
    for _ in itertools.count():
        found = measure_rates(size, tokens, contender.members, contender.precision, contender.device)
        gate({"flops": found.flops, "bytes": found.bytes})


def mean_cost(costs: Sequence[Cost]) -> dict[str, float]:
    """Mean cost of a step."""
    return {"flops": float(np.mean([c.flops for c in costs])), "bytes": float(np.mean([c.bytes for c in costs]))}


def _points(*given: Any) -> None:
    from seedproof.bench.surface import point_by_point

    point_by_point(*given)


def _script_points(*given: Any) -> None:
    from seedproof.bench.surface import script

    script(*given)


def _stacked_points(*given: Any) -> None:
    from seedproof.bench.surface import stacked

    stacked(*given)


def _nothing() -> None:
    pass


JOBS: dict[str, Job] = {
    "plain": plain,
    "trainer": trainer,
    "fleet": fleet,
    "rates": rates,
    "script points": _script_points,
    "points": _points,
    "stacked points": _stacked_points,
}
