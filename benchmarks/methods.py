"""Time of one step of a fleet with a method against the same fleet without one.

    python benchmarks/methods.py [--seconds 60] [--members 16] [--threads 1]

Fleets of miniature/bert on miniature/entailment (batch 16, recipe devlin), of BERT with 6 layers of width 384 on CoLA's token
lengths, all in fp32 on a CPU: one without methods, one with each method, one in which half of the members have it. They take
turns, step by step in an order that is reversed every round, and processor time is counted, so that other work on the machine
disturbs little; a ratio is taken within each round. Printed: the median time of a step, and the median ratio to the fleet
without methods with the quartiles of the rounds. A fleet of members that differ cannot take the fused step (as any fleet of
two recipes cannot): "half" is against a fleet whose halves differ in their weight decay.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time

import numpy as np
import torch

from seedproof.bench.contenders import Problem, Shape
from seedproof.bench.inputs import Inputs
from seedproof.recipes import Recipe
from seedproof.recipes import recipe as named
from seedproof.spec import Seeds
from seedproof.training.fleet.engine import FleetEngine
from seedproof.training.fleet.member import Member

METHODS = ("llrd", "reinit", "pretrained_decay", "tensor_clip", "ema")
PROBLEMS = {
    "miniature/bert": Problem(data="miniature"),
    "6 layers x 384": Problem(shape=Shape(layers=6, width=384, heads=6), data="cola"),
}
STEPS = 100_000
"""Of the plans: never reached."""


def make_fleet(problem: Problem, recipes: list[Recipe]) -> FleetEngine:
    """A fleet with a member for each recipe, at its first step."""
    inputs = Inputs(problem, 64)
    members = []
    for seed, recipe in enumerate(recipes):
        plan = inputs.plan(seed)
        endless = dataclasses.replace(
            plan,
            batches=list(plan.batches) * (STEPS // plan.steps),
            learning_rates=np.full(STEPS, recipe.peak_learning_rate),
            evaluate_after=frozenset(),
        )
        members.append(
            Member(
                model=inputs.model(seed), recipe=recipe, plan=endless, data=inputs.data, seeds=Seeds.from_number(seed)
            )
        )
    engine = FleetEngine(members[0].model)
    engine.join(members)
    return engine


def fleets(problem: Problem, count: int, method: str) -> dict[str, FleetEngine]:
    """The fleets that take turns: without, with, and with the method in half of the members."""
    base = Inputs(problem, 64).recipe
    layers = "(layers=2)" if method == "reinit" else ""
    treated = dataclasses.replace(base, methods=named(f"devlin + {method}{layers}").methods)
    other = dataclasses.replace(base, weight_decay=0.02)
    return {
        "without": make_fleet(problem, [base] * count),
        "with": make_fleet(problem, [treated] * count),
        "two recipes": make_fleet(problem, [base, other] * (count // 2)),
        "half": make_fleet(problem, [treated, other] * (count // 2)),
    }


def measure(engines: dict[str, FleetEngine], seconds: float) -> dict[str, list[float]]:
    """Processor seconds per step, one value for each round, after two rounds that are not counted."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    order = list(engines)
    end, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or rounds < 8:
        for name in order:
            start = time.process_time()
            engines[name].train_step()
            if rounds >= 2:
                times[name].append(time.process_time() - start)
        order.reverse()
        rounds += 1
    return times


def report(label: str, times: dict[str, list[float]]) -> None:
    """Print one line for each pair of fleets."""
    for ours, base in (("with", "without"), ("half", "two recipes")):
        ratios = [mine / theirs for mine, theirs in zip(times[ours], times[base], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{label:34} {base:11} {1e3 * statistics.median(times[base]):8.1f} ms   {ours:4} "
            f"{1e3 * statistics.median(times[ours]):8.1f} ms   ratio {middle:.3f} ({low:.3f} to {high:.3f}, "
            f"{len(ratios)} rounds)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="time for each method and model")
    parser.add_argument("--members", type=int, default=16, help="of each fleet")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--models", nargs="+", default=[*PROBLEMS], choices=[*PROBLEMS])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} threads, {arguments.members} members")
    for name in arguments.models:
        for method in arguments.methods:
            made = fleets(PROBLEMS[name], arguments.members, method)
            report(f"{name}, {method}", measure(made, arguments.seconds))


if __name__ == "__main__":
    main()
