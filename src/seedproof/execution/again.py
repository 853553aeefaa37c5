"""Do a finished run again to record more of it, and keep what was found only if both agree.

What is recorded is no part of a run's id, so it can be asked for later. The run is then executed anew in the folder
``again`` inside its own and compared with what is stored; its fuller records take the place of the old ones, whole. Until
then the finished run is untouched, and it stays so where the two do not agree.

A run of the plain engine agrees bit for bit. The last bits of a fleet's run depend on which runs share the fleet, and most
but not all runs end in the same score all the same (docs/decisions/more-recordings.md): it agrees in outcome and score, the
score to :func:`tolerance`.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from seedproof.errors import UserError
from seedproof.execution import environment
from seedproof.execution.recording import Recording, lacks, looked
from seedproof.store import RunFolder

_COMPARED = ("outcome", "reason", "diverged_at", "score", "metrics", "training_loss", "steps", "evaluated_step")
_KINDS = ("loss", "evaluation")
NORMAL = 1.96
"""Half the width of a 95 % interval in standard errors."""


def widened(recorded: dict[str, Any], wanted: Recording) -> Recording:
    """What is wanted, with all that probes have seen already; evaluations move to where they are wanted now."""
    earlier = looked(recorded)
    return Recording(
        probes={
            **earlier,
            **{name: math.gcd(every, earlier.get(name, every)) for name, every in wanted.probes.items()},
        },
        evaluations=wanted.evaluations if wanted.evaluations is not None else recorded.get("evaluations"),
        evaluation_at=wanted.evaluation_at,
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


def adopt(folder: RunFolder, scratch: RunFolder, note: Callable[[str], None]) -> None:
    """Give the finished run the fuller records of ``scratch``, if both agree. The caller holds the run.

    Args:
        folder: of the run.
        scratch: the finished new one.
        note: told of a run of a fleet that does not agree; the stored one then stays as it was.

    Raises:
        UserError: the run is the plain engine's, and the two differ in a bit; the stored run stays as it was.
    """
    before, now = folder.result(), scratch.result()
    execution = before["execution"]
    if folder.spec.numerics.engine == "fleet":
        if (difference := _disagreement(before, now)) is not None:
            note(
                f"was done again to record more, and does not agree with the stored run: {difference}; the stored run was "
                f"kept as it was, and {scratch.path} has the new one"
            )
            return
        attempts = execution.get("attempts", 1) + 1
        execution = {**now["execution"], "attempts": attempts, "replaced_score": before["score"]}
    elif scratch.journal.path.exists():  # else they agreed, and a process was killed while the records moved
        compare(folder, scratch)
    _take_over(folder, scratch, {**now, "execution": execution})


def _take_over(folder: RunFolder, scratch: RunFolder, result: dict[str, Any]) -> None:
    """Put the new one in the place of the stored one; whenever that is interrupted, the next call goes on with it."""
    if scratch.weights.exists():
        shutil.rmtree(folder.weights, ignore_errors=True)
        scratch.weights.replace(folder.weights)
    folder.journal.take_over(scratch.journal)
    folder.write_result(result)
    shutil.rmtree(scratch.path)


def tolerance(result: Mapping[str, Any]) -> float:
    """The largest difference in score at which two runs of a fleet agree: one standard error of the score over development
    sets of its size, from its 95 % interval. 0 where it has none."""
    width = result["score_high"] - result["score_low"]
    return float(width / (2 * NORMAL)) if math.isfinite(width) else 0.0


def _disagreement(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """First thing in which two runs of a fleet do not agree, with both values; None: they agree."""
    for name in ("outcome", "reason"):
        if before[name] != now[name]:
            return f"{name} {before[name]} before, {now[name]} now (score {before['score']:.4g} before, {now['score']:.4g} now)"
    largest = tolerance(now)
    difference = abs(before["score"] - now["score"])
    if math.isnan(difference) or difference <= largest:  # NaN: both diverged
        return None
    return f"score {before['score']:.4g} before, {now['score']:.4g} now, further apart than one standard error, {largest:.2g}"


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
