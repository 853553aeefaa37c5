"""Probes: each records one thing during a run, at chosen steps, without changing the run.

A probe is one file with a subclass of :class:`seedproof.probes.base.Probe`, and its line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from seedproof import extensions
from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    from seedproof.probes.base import Probe

PROBES: Mapping[str, str] = MappingProxyType(
    {
        "gradients": "seedproof.probes.gradients:GradientNorms",
        "pooler": "seedproof.probes.pooler:PoolerSaturation",
        "drift": "seedproof.probes.drift:Drift",
        "fit": "seedproof.probes.fit:Fit",
        "early": "seedproof.probes.early:Early",
    }
)
"""All probes by name, and where they are. Loss, scores and predictions are recorded by every run and need none."""

_OPTIONS = {"weights": "--weights", "evaluations": "--evaluations N"}
"""What is kept or seen without a probe."""


def check_name(name: str) -> None:
    """Refuse what is neither the name of a probe nor written as ``module:Class``; whether there is such a class is not asked.

    Raises:
        UserError: with the nearest name.
    """
    if name in _OPTIONS:
        raise UserError(f"{name!r} is no recording that is switched on by its name; give {_OPTIONS[name]}")
    if name not in PROBES and not extensions.is_written(name):
        raise unknown("recording", name, [*PROBES, "module:Class"])


def find_probe(name: str) -> type[Probe]:
    """The class of the probe of this name.

    Raises:
        UserError: unknown name, or its ``needs`` are not to be had.
    """
    from seedproof.probes.base import Probe

    check_name(name)
    found = extensions.load(PROBES.get(name, name), Probe, "recording")
    _check(name, found)
    return found


def _check(name: str, probe: type[Probe]) -> None:
    """Refuse a class of the user's own whose ``looks_at`` or ``needs`` no engine knows."""
    from seedproof.probes.base import LOOKS, NEEDS

    if probe.looks_at not in LOOKS:
        raise unknown("looks_at", probe.looks_at, LOOKS, where=f"the recording {name!r}")
    for need in probe.needs:
        if need not in NEEDS:
            raise unknown("need", need, NEEDS, where=f"the recording {name!r}")
        if not {"start", probe.looks_at} & {*NEEDS[need]}:
            raise UserError(
                f"the recording {name!r} needs {need!r}, which is there at {' and '.join(NEEDS[need])}, and looks at "
                f"{probe.looks_at}; give it looks_at = {NEEDS[need][-1]!r}"
            )


def default_every(name: str) -> int:
    """How many steps or evaluations a probe lets pass from one look to the next if nothing is said."""
    return find_probe(name).default_every


def unit(name: str) -> str:
    """What a probe counts its looks in: ``step``, ``evaluation``, ``end`` of one that looks there alone, or ``look`` where only
    loading its file could tell."""
    return find_probe(name).looks_at.removesuffix("s") if name in PROBES else "look"


def every_in_words(name: str, every: int) -> str:
    """How often a probe looks: ``every 10 steps``."""
    if unit(name) == "end":
        return "at the end"
    first = find_probe(name).first if name in PROBES else None
    looks = f"every {unit(name)}" if every == 1 else f"every {every} {unit(name)}s"
    return looks if first is None else f"{looks} of the first {first}"


def make_probes(recordings: Mapping[str, int]) -> list[Probe]:
    """Make the probes of a run; ``recordings`` gives for each probe's name every how many looks it records.

    Raises:
        UserError: unknown name, or a probe that cannot be made.
    """
    probes = []
    for name, every in recordings.items():
        probe = find_probe(name)(every)
        probe.name = name
        probes.append(probe)
    return probes
