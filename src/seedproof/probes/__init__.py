"""Probes: each records one thing during a run, at chosen steps, without changing the run.

A probe is one file with a subclass of :class:`seedproof.probes.base.Probe`, and its line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from seedproof.errors import unknown

if TYPE_CHECKING:
    from seedproof.probes.base import Probe

PROBES: Mapping[str, str] = MappingProxyType(
    {
        "gradients": "seedproof.probes.gradients:GradientNorms",
        "pooler": "seedproof.probes.pooler:PoolerSaturation",
        "drift": "seedproof.probes.drift:Drift",
        "fit": "seedproof.probes.fit:Fit",
    }
)
"""All probes by name, and where they are. Loss, scores and predictions are recorded by every run and need none."""


def find_probe(name: str) -> type[Probe]:
    """The class of the probe of this name.

    Raises:
        UserError: unknown name.
    """
    if name not in PROBES:
        raise unknown("recording", name, PROBES)
    module, _, kind = PROBES[name].partition(":")
    found: type[Probe] = getattr(importlib.import_module(module), kind)
    return found


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
