"""Placement: which runs a worker takes at a time, and how many workers there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedproof.machine import Machine
from seedproof.spec import RunSpec

MOST_MEMBERS = {"cpu": 16, "cuda": 128}
"""Members of a fleet by device: with more, what they have in common is saved already."""

CPU_BYTES = 80_000_000
"""Most bytes of weights in a CPU fleet. Large matmuls gain nothing from batching, and larger fleets overflow the caches."""

STATE = 8
"""Memory of a member on a GPU in multiples of its weights: gradients, moments, start weights, and what a step keeps.
Where that is too little, fleets halve themselves when memory runs out."""


@dataclass(frozen=True)
class Placement:
    """Runs for workers of one kind."""

    runs: list[str]
    """Ids, in the order they are to be started."""
    jobs: int
    """Workers at a time."""
    members: int
    """Runs of a worker at a time, as a fleet; 0: the plain engine, one after another."""


def place(specs: Sequence[RunSpec], jobs: int, weight_bytes: Mapping[str, int], machine: Machine) -> list[Placement]:
    """Divide runs between workers: those of the plain engine first, then the fleets.

    A fleet is as large as lets every worker have its part at once, but not larger than pays. Fleets of different models
    may share a worker.

    Args:
        specs: the runs to execute.
        jobs: workers at a time.
        weight_bytes: size of the weights by the model's fingerprint, of each that a fleet trains.
        machine: where they execute.
    """
    plain = [spec for spec in specs if spec.numerics.engine == "plain"]
    fleet = [spec for spec in specs if spec.numerics.engine == "fleet"]
    placements = []
    if plain:
        placements.append(Placement([spec.id for spec in plain], min(jobs, len(plain)), 0))
    if fleet:
        largest = max(weight_bytes[spec.model.fingerprint] for spec in fleet)
        room = most_members(fleet[0].numerics.device, largest, machine)
        members = max(1, min(room, -(-len(fleet) // jobs)))
        placements.append(Placement([spec.id for spec in fleet], min(jobs, -(-len(fleet) // members)), members))
    return placements


def most_members(device: str, weight_bytes: int, machine: Machine) -> int:
    """Members of this size that a fleet on this device may have."""
    if device == "cpu":
        return min(MOST_MEMBERS["cpu"], CPU_BYTES // max(1, weight_bytes))
    if not machine.gpu_bytes:  # not known: fleets halve themselves where it is too little
        return MOST_MEMBERS["cuda"]
    return min(MOST_MEMBERS["cuda"], machine.gpu_bytes // (STATE * max(1, weight_bytes)))
