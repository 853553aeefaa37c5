"""Do a finished run again to record more of it, and keep what was found only if both agree.

What is recorded is no part of a run's id, so it can be asked for later. The run is then executed anew in the folder
``again`` inside its own, compared with what is stored, bit for bit, and its fuller journal takes the place of the old one.
Until then the finished run is untouched, and it stays so where the two do not agree.
"""

from __future__ import annotations

import math
import shutil
from typing import Any

import numpy as np

from seedproof.errors import UserError
from seedproof.execution import environment
from seedproof.execution.recording import Recording, lacks
from seedproof.store import RunFolder

_COMPARED = ("outcome", "reason", "diverged_at", "score", "metrics", "training_loss", "steps", "evaluated_step")
_KINDS = ("loss", "evaluation")


def widened(recorded: dict[str, Any], wanted: Recording) -> Recording:
    """What is wanted, with all that probes have seen already; evaluations move to where they are wanted now."""
    earlier = {name: every for name, every in recorded.items() if name not in ("evaluations", "weights")}
    return Recording(
        probes={
            **earlier,
            **{name: math.gcd(every, earlier.get(name, every)) for name, every in wanted.probes.items()},
        },
        evaluations=wanted.evaluations if wanted.evaluations is not None else recorded.get("evaluations"),
        weights=wanted.weights or bool(recorded.get("weights")),
        checkpoint_seconds=wanted.checkpoint_seconds,
    )


def scratch_folder(folder: RunFolder, wanted: Recording) -> RunFolder:
    """Where the run is done again; what an earlier attempt with other recordings left there is cleared away."""
    scratch = RunFolder(folder.path / "again")
    if scratch.is_finished and lacks(scratch.result()["recordings"], wanted):
        shutil.rmtree(scratch.path)
    scratch.path.mkdir(exist_ok=True)
    return scratch


def adopt(folder: RunFolder, scratch: RunFolder) -> None:
    """Give the finished run the fuller records of ``scratch``, if both agree. The caller holds the run.

    Raises:
        UserError: they do not agree; the stored run stays as it was.
    """
    compare(folder, scratch)
    result = {**scratch.result(), "execution": folder.result()["execution"]}
    if scratch.weights.exists() and not folder.weights.exists():
        scratch.weights.replace(folder.weights)
    if scratch.journal.path.exists():  # else a process was killed right after this line
        folder.journal.take_over(scratch.journal)
    folder.write_result(result)
    shutil.rmtree(scratch.path)


def compare(folder: RunFolder, scratch: RunFolder) -> None:
    """Compare losses, evaluations and results, bit for bit.

    Raises:
        UserError: the first difference, with its step.
    """
    stored, again = _evidence(folder), _evidence(scratch)
    for key in sorted(stored.keys() & again.keys()):
        for name, value in stored[key].items():
            if not _equal(value, again[key].get(name)):
                raise _difference(folder, f"{name} at step {key[0]}")
    first, second = folder.result(), scratch.result()
    for name in _COMPARED:
        if not _equal(first.get(name), second.get(name)):
            raise _difference(folder, f"{name} ({first.get(name)} before, {second.get(name)} now)")


def _difference(folder: RunFolder, what: str) -> UserError:
    return UserError(
        f"the run {folder.id} was done again to record more, and its {what} differs: another machine or other versions "
        f"than the first time?{_between(folder)} The stored run was kept as it was; {folder.path / 'again'} has the new one"
    )


def _between(folder: RunFolder) -> str:
    differing = environment.difference(folder.result().get("execution", {}), environment.present())
    return f" ({differing}.)" if differing else ""


def _evidence(folder: RunFolder) -> dict[tuple[int, str], dict[str, Any]]:
    return {(record["step"], record["kind"]): record for record in folder.records() if record["kind"] in _KINDS}


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_equal(value, second[name]) for name, value in first.items())
    if isinstance(first, (float, np.ndarray)) and isinstance(second, (float, np.ndarray)):
        return bool(np.array_equal(first, second, equal_nan=True))
    return bool(first == second)
