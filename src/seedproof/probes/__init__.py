"""Probes: each records one thing during a run, at chosen steps, without changing the run.

A probe is one file with a subclass of :class:`seedproof.probes.base.Probe`, and its name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from seedproof.errors import unknown

if TYPE_CHECKING:
    from seedproof.probes.base import Probe

PROBES = ("gradients", "pooler", "drift")
"""All probes by name. Loss, metrics and predictions are recorded by every run and need none."""


def make_probes(recordings: Mapping[str, int]) -> list[Probe]:
    """Make the probes of a run; ``recordings`` gives for each probe's name every how many steps it looks.

    Raises:
        UserError: unknown name.
    """
    from seedproof.probes.drift import Drift
    from seedproof.probes.gradients import GradientNorms
    from seedproof.probes.pooler import PoolerSaturation

    classes: dict[str, type[Probe]] = {"gradients": GradientNorms, "pooler": PoolerSaturation, "drift": Drift}
    for name in recordings:
        if name not in classes:
            raise unknown("recording", name, PROBES)
    return [classes[name](every) for name, every in recordings.items()]
