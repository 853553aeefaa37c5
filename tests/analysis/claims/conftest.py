"""Made evidence: runs with chosen failures, scores and losses, under chosen roles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.claims import CLAIMS, CellKey, Claim, Evidence
from seedproof.analysis.claims.base import Decision


def cell(
    failed: Sequence[bool | int],
    *,
    task: str = "rte",
    recipe: str,
    start: int = 0,
    scores: Any = None,
    losses: Any = None,
) -> pd.DataFrame:
    """A run per entry of ``failed``, seeds from ``start``; failed ones score .5, the others .8 unless told otherwise."""
    failed = np.asarray(failed, bool)
    seeds = [str(start + index) for index in range(len(failed))]
    table = pd.DataFrame({"task": task, "model": "bert", "recipe": recipe, "seed": seeds})
    table["run"] = [f"{task}-{recipe}-{seed}" for seed in seeds]
    table["state"] = "finished"
    table["outcome"] = np.where(failed, "failed", "succeeded")
    table["kind"] = np.where(failed, "collapsed", "fitted")
    table["reason"] = np.where(failed, "majority", None)
    table["score"] = np.where(failed, 0.5, 0.8) if scores is None else scores
    table["training_loss"] = np.where(failed, math.log(2), 0.1) if losses is None else losses
    return table


def first(failures: int, runs: int) -> np.ndarray:
    """The first ``failures`` of ``runs`` failed."""
    return np.arange(runs) < failures


def of_roles(**tables: pd.DataFrame) -> Evidence:
    """Evidence in which each role (its spaces and commas as underscores) is played by all cells of its table."""
    names = {name.replace(" ", "_").replace(",", ""): name for name in _roles()}
    roles = {
        names[name]: [CellKey(*key) for key in table[["task", "model", "recipe"]].drop_duplicates().to_numpy().tolist()]
        for name, table in tables.items()
    }
    return Evidence(runs=pd.concat(tables.values(), ignore_index=True), roles=roles)


def _roles() -> tuple[str, ...]:
    from typing import get_args

    from seedproof.analysis.claims import Role

    return get_args(Role)


@pytest.fixture
def decide() -> Callable[[str, Evidence], Decision]:
    """Decide a claim by its id."""
    by_id: dict[str, Claim] = {claim.id: claim for claim in CLAIMS}
    return lambda id_, evidence: by_id[id_].decide(evidence)
