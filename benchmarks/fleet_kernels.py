"""Where the time of a fleet's step goes on a GPU: what the kernels take, and what the host takes to start them.

    python benchmarks/fleet_kernels.py rte --layers 12 --width 384 --members 20
    python benchmarks/fleet_kernels.py miniature --members 24

A BERT with random weights on generated token lengths, or miniature/bert on miniature/entailment; batch 16, the recipe
devlin. Printed for fp32 and bf16: the median of the steps that are timed one by one, the fastest and the slowest, and for
three more steps under PyTorch's profiler the time that kernels took and how many were started, each for one step. Where
the kernels' part is small the host decides, and more members cost nearly nothing. Profiling itself slows the host.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.profiler import ProfilerActivity, profile

from seedproof.bench.contenders import Problem, Shape
from seedproof.bench.gate import synchronize
from seedproof.bench.inputs import Inputs
from seedproof.bench.jobs import make_engine
from seedproof.training.fleet.engine import FleetEngine

PROFILED = 3
WARMUP = 2


def step_seconds(engine: FleetEngine, steps: int, device: str) -> list[float]:
    """Seconds of each step, the device waited for."""
    times = []
    for _ in range(WARMUP + steps):
        synchronize(device)
        started = time.perf_counter()
        engine.train_step()
        synchronize(device)
        times.append(time.perf_counter() - started)
    return times[WARMUP:]


def kernels(engine: FleetEngine) -> tuple[float, float]:
    """Seconds that kernels and copies of the GPU took in a step, and how many there were."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        for _ in range(PROFILED):
            engine.train_step()
        torch.cuda.synchronize()
    found = [event for event in seen.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    return sum(event.self_device_time_total for event in found) / PROFILED / 1e6, len(found) / PROFILED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="miniature; or cola, rte, mrpc: lengths after their means")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    shape = Shape(layers=given.layers, width=given.width, heads=given.width // 32)
    inputs = Inputs(
        Problem(shape=None if given.data == "miniature" else shape, data=given.data),
        given.steps + WARMUP + PROFILED + 1,
    )
    print(f"{inputs.problem}; {given.members} members; {given.device}")
    for precision in ("fp32", "bf16"):
        engine = make_engine(inputs, range(given.members), precision, given.device, inputs.shared_model(0))
        times = [1000 * seconds for seconds in step_seconds(engine, given.steps, given.device)]
        line = f"{precision}: {statistics.median(times):.0f} ms a step ({min(times):.0f} to {max(times):.0f})"
        if given.device.startswith("cuda"):
            seconds, count = kernels(engine)
            line += f", kernels {1000 * seconds:.0f} ms, {count:,.0f} of them"
        print(line, flush=True)


if __name__ == "__main__":
    main()
