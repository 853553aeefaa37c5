"""What is left to do of a study: runs that are not finished, and finished ones that lack a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedproof.execution.recording import Recording, lacks
from seedproof.spec import RunSpec
from seedproof.store import Store
from seedproof.store.checked import STOPPED
from seedproof.study.planning import PlannedRun


@dataclass(frozen=True)
class Left:
    """Runs that are left to do, each once, in the study's order."""

    specs: list[RunSpec]
    again: frozenset[str]
    """Ids of those that are finished, and are done again to record more of them."""


def what_is_left(store: Store | None, runs: Sequence[PlannedRun], wanted: Recording) -> Left:
    """Find what is left of planned runs.

    Args:
        store: of the study; None: there is none yet.
        runs: planned, as the store names them.
        wanted: what is to be recorded of each.
    """
    specs = {run.spec.id: run.spec for run in runs}
    if store is None:
        return Left(list(specs.values()), frozenset())
    results = {id_: store.run(id_).result() for id_ in specs if store.run(id_).is_finished}
    again = frozenset(id_ for id_, result in results.items() if _is_to_be_done_again(result, wanted))
    return Left([spec for id_, spec in specs.items() if id_ in again or id_ not in results], again)


def _is_to_be_done_again(result: Mapping[str, Any], wanted: Recording) -> bool:
    """A stopped run is left as it is: there is no end of it to compare another execution with."""
    return result.get("outcome") != STOPPED and lacks(result["recordings"], wanted)
