"""What a recording costs: steps of runs that make it against the same steps of the same runs without it.

    python benchmarks/recording.py [--record early] [--runs 2] [--members 16] [--precision fp32] [--threads 1] [--steps 0]

Runs of miniature/bert on miniature/entailment (recipe devlin, batch 16, 3 epochs) with the recordings that are on by default,
and once more with one more: each alone in the plain engine, then all together in a fleet. The two take turns, step by step in
an order that is reversed at every step, and processor time is counted, writing into the journal included, so that other work
on the machine disturbs little. Printed: the median time of a step without, and the median over steps of the ratio with its
quartiles, for the first 100 steps and for those behind them; and the ratio of the times of all steps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from seedproof.bench.contenders import Problem
from seedproof.bench.inputs import Inputs
from seedproof.execution.recording import DEFAULT_RECORDINGS
from seedproof.probes import default_every, make_probes
from seedproof.spec import Seeds
from seedproof.store.journal import Journal
from seedproof.training.engine import Record
from seedproof.training.fleet.engine import FleetEngine
from seedproof.training.fleet.member import Member
from seedproof.training.plain import PlainEngine

FIRST = 100


def plain(inputs: Inputs, seed: int, probes: dict[str, int], precision: str) -> Callable[[], list[list[Record]]]:
    """Takes a step of one run."""
    seeds = Seeds.from_number(seed)
    made = {"seeds": seeds, "probes": make_probes(probes), "precision": precision}
    engine = PlainEngine(inputs.model(seed), inputs.recipe, inputs.plan(seed), inputs.data, **made)
    steps = engine.run()
    next(steps)
    return lambda: [next(steps)]


def fleet(inputs: Inputs, seeds: range, probes: dict[str, int], precision: str) -> Callable[[], list[list[Record]]]:
    """Takes a step of many runs."""
    members = [
        Member(
            model=inputs.model(seed),
            recipe=inputs.recipe,
            plan=inputs.plan(seed),
            data=inputs.data,
            seeds=Seeds.from_number(seed),
            probes=make_probes(probes),
        )
        for seed in seeds
    ]
    engine = FleetEngine(members[0].model, precision=precision)
    engine.join(members)
    return engine.train_step


def measure(contenders: list[Callable[[], list[list[Record]]]], steps: int) -> list[list[float]]:
    """Processor seconds of each step of each contender."""
    times: list[list[float]] = [[] for _ in contenders]
    order = list(range(len(contenders)))
    with tempfile.TemporaryDirectory() as folder:
        journals = [Journal(Path(folder) / f"{number}.jsonl") for number in order]
        for _ in range(steps):
            for number in order:
                start = time.process_time()
                for records in contenders[number]():
                    for record in records:
                        journals[number].append({"step": record.step, "kind": record.kind, **record.values})
                times[number].append(time.process_time() - start)
            order.reverse()
        for journal in journals:
            journal.flush()
        sizes = [journal.path.stat().st_size for journal in journals]
    print(f"  journals: {sizes[0] / 1024:.0f} KiB without, {sizes[1] / 1024:.0f} KiB with it", flush=True)
    return times


def report(label: str, times: list[list[float]]) -> None:
    """Print the ratios of the first steps, of the others, and of the whole."""
    for name, part in ((f"steps 2 to {FIRST}", slice(1, FIRST)), (f"steps from {FIRST + 1}", slice(FIRST, None))):
        ratios = [other / base for base, other in zip(times[0][part], times[1][part], strict=True)]
        if len(ratios) < 2:
            continue
        low, middle, high = statistics.quantiles(ratios, n=4)
        median = 1e3 * statistics.median(times[0][part])
        mean = sum(times[1][part]) / sum(times[0][part])
        print(
            f"{label:18} {name:15} {median:7.1f} ms  ratio {middle:.4f} ({low:.4f} to {high:.4f}), of sums {mean:.4f}"
        )
    print(f"{label:18} {len(times[0])} steps, ratio of sums {sum(times[1]) / sum(times[0]):.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", default="early", help="the recording")
    parser.add_argument("--runs", type=int, default=2, help="of the plain engine, one after another")
    parser.add_argument("--members", type=int, default=16, help="of the fleet; 0: no fleet")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--steps", type=int, default=0, help="of each run; 0: all")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.precision}, {arguments.threads} threads, --record {arguments.record}")
    inputs, without = Inputs(Problem(data="miniature"), 0), dict(DEFAULT_RECORDINGS)
    choices = (without, without | {arguments.record: default_every(arguments.record)})
    steps = arguments.steps or inputs.plan(0).steps
    for seed in range(arguments.runs):
        pair = [plain(inputs, seed, probes, arguments.precision) for probes in choices]
        report(f"plain, seed {seed}", measure(pair, steps))
    if arguments.members:
        seeds = range(arguments.members)
        pair = [fleet(inputs, seeds, probes, arguments.precision) for probes in choices]
        report(f"fleet of {arguments.members}", measure(pair, steps))


if __name__ == "__main__":
    main()
