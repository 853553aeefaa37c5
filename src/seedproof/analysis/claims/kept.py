"""Evidence on the disk: what claims were decided on, as tables, so that anyone can decide them again.

from seedproof.analysis.claims import ledger, read_evidence

ledger(read_evidence("docs/reproduction/evidence"))
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd

from seedproof.analysis.claims.evidence import CellKey, Evidence
from seedproof.errors import UserError
from seedproof.store import read_table, write_atomically, write_table

RUN_COLUMNS = (
    *("task", "model", "recipe", "seed", "run", "state", "outcome", "reason", "kind"),
    *("score", "majority", "training_loss", "fit_loss", "steps"),
)
"""What claims ask of a run, and what a reader needs to know it by."""
_NAMES = ("task", "model", "recipe", "seed", "run")
_TABLES = ("vanishing", "forgetting", "barriers")
_REST = "evidence.json"


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Write ``evidence`` into ``folder``: ``runs.csv``, a CSV file per table that there is, and ``evidence.json``.

    Only the runs that a role names are written, as no claim asks for others.

    Raises:
        OSError: the disk refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = pd.MultiIndex.from_tuples([key for keys in evidence.roles.values() for key in keys] or [("", "", "")])
    is_named = pd.MultiIndex.from_frame(evidence.runs[["task", "model", "recipe"]]).isin(named)
    columns = [column for column in RUN_COLUMNS if column in evidence.runs]
    write_table(folder / "runs.csv", evidence.runs.loc[is_named, columns], is_sealed=True)
    for name in _TABLES:
        if (table := getattr(evidence, name)) is not None:
            write_table(folder / f"{name}.csv", table, is_sealed=True)
    rest = {
        "roles": {role: [list(key) for key in keys] for role, keys in evidence.roles.items()},
        "only": {role: sorted(runs) for role, runs in evidence.only.items()},
        "label_entropy": dict(evidence.label_entropy),
        "strata": dict(evidence.strata),
    }
    write_atomically(folder / _REST, (json.dumps(rest, indent=1) + "\n").encode())


def read_evidence(folder: str | os.PathLike[str]) -> Evidence:
    """The evidence that :func:`write_evidence` wrote into ``folder``.

    Raises:
        UserError: the folder holds none, or a file is not what was written.
    """
    where = Path(folder)
    try:
        rest = json.loads((where / _REST).read_text(encoding="utf-8"))
        tables = {name: _read(where / f"{name}.csv") for name in _TABLES if (where / f"{name}.csv").exists()}
        runs = _read(where / "runs.csv")
        roles = {role: tuple(CellKey(*key) for key in keys) for role, keys in rest["roles"].items()}
        only = {role: frozenset(of_role) for role, of_role in rest["only"].items()}
        entropy = {str(task): float(nats) for task, nats in rest["label_entropy"].items()}
        strata = {str(recipe): str(stratum) for recipe, stratum in rest["strata"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{where} holds no evidence of claims ({error}); give the folder evidence of a reproduction"
        ) from error
    return Evidence(runs=runs, roles=roles, only=only, label_entropy=entropy, strata=strata, **tables)


def _read(path: Path) -> pd.DataFrame:
    return read_table(path, dtype=dict.fromkeys(_NAMES, str))  # a recipe may be called 1, or 1e3
