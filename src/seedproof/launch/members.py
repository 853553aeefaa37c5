"""How many runs a worker takes at a time, and how many workers there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedproof.errors import UserError
from seedproof.spec import RunSpec

MOST_MEMBERS = {"cpu": 16, "cuda": 128}
"""Members of a fleet by device: with more, what they have in common is saved already."""

CPU_BYTES = 80_000_000
"""Most bytes of weights in a CPU fleet. Large matmuls gain nothing from batching, and larger fleets overflow the caches."""

STATE = 8
"""Memory of a member on a GPU in multiples of its weights: gradients, averages, start weights, and what a step keeps.
Where that is too little, fleets halve themselves when memory runs out."""


@dataclass(frozen=True)
class Launch:
    """Runs for workers of one kind."""

    runs: list[str]
    jobs: int
    members: int
    """Runs of a worker at a time; 0: the plain engine, one after another."""


def plan_launches(specs: Sequence[RunSpec], jobs: int, weight_bytes: Mapping[str, int]) -> list[Launch]:
    """Divide runs between workers: those of the plain engine first, then the fleets.

    A fleet is as large as lets every worker have its share at once, but not larger than pays. Fleets of different models
    may share a worker.

    Args:
        specs: the runs to execute.
        jobs: workers at a time.
        weight_bytes: size of the weights by the model's fingerprint.

    Raises:
        UserError: ``jobs`` is below 1.
    """
    if jobs < 1:
        raise UserError(f"jobs must be at least 1, but is {jobs}")
    plain = [spec.id for spec in specs if spec.numerics.engine == "plain"]
    fleet = [spec for spec in specs if spec.numerics.engine == "fleet"]
    launches = []
    if plain:
        launches.append(Launch(plain, min(jobs, len(plain)), 0))
    if fleet:
        largest = max(weight_bytes[spec.model.fingerprint] for spec in fleet)
        members = max(1, min(most_members(fleet[0].numerics.device, largest), -(-len(fleet) // jobs)))
        launches.append(Launch([spec.id for spec in fleet], min(jobs, -(-len(fleet) // members)), members))
    return launches


def most_members(device: str, weight_bytes: int) -> int:
    """How many members of this size a fleet on this device may have."""
    if device == "cpu":
        return min(MOST_MEMBERS["cpu"], CPU_BYTES // max(1, weight_bytes))
    import torch

    free, _ = torch.cuda.mem_get_info()
    return min(MOST_MEMBERS["cuda"], free // (STATE * max(1, weight_bytes)))
