"""Decide which claims of the paper a study can test, from each cell's recipe and model.

A study made for something else fills few roles. Only claims that its runs can decide are shown: the others would say
something about runs that are not there.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pandas as pd

from seedproof.analysis import label_entropy
from seedproof.analysis.claims import CellKey, Evidence, Role, ledger
from seedproof.analysis.gradients import vanishing_of_run
from seedproof.analysis.runs import came_to_end, has_recorded
from seedproof.errors import UserError
from seedproof.probes.vanishing import ATTENTION
from seedproof.report.html.thinning import gradient_records
from seedproof.spec import RunSpec
from seedproof.store import Store
from seedproof.tasks import Task

_FAMILIES = ("bert", "roberta", "albert")
_BY_NAME: tuple[tuple[tuple[Role, str], ...], ...] = (
    (("mosbach", "mosbach"), ("devlin", "devlin"), ("mixout", "mixout")),
    (
        ("default rate uncorrected", "devlin"),
        ("default rate corrected", "devlin(bias_correction=True)"),
        ("quarter rate uncorrected", "devlin-quarter-lr"),
    ),
)
"""Roles that are compared with one another, and the labels of the recipes that play them."""
_VANISHING_RUNS = 30
"""Runs of each outcome whose gradients are looked at, the first by seed: more would decide nothing else."""
_LOOKS = 1000
"""Looks at the gradients of a run among which it is searched for the step."""
_RATES = 3
"""Learning rates of a task and model on which a claim "over three learning rates" is about its cells."""
_NOT_HERE = (
    "No claim of the paper can be decided on these runs; “seedproof reproduce all --out DIR” makes those that do."
)


def study_ledger(store: Store, runs: pd.DataFrame, tasks: Mapping[str, Task]) -> tuple[pd.DataFrame | None, str]:
    """The claims that a study's runs can decide, corrected over all; None and a sentence where there is none.

    Args:
        store: of the study.
        runs: its table of runs.
        tasks: by fingerprint, as far as their data is there.
    """
    finished = came_to_end(runs)
    names = finished.drop_duplicates(["task", "model", "recipe"]).to_dict("records")
    cells = {CellKey(row["task"], row["model"], row["recipe"]): store.run(row["run"]).spec for row in names}
    roles = study_roles(cells)
    if not roles:
        return None, _NOT_HERE
    vanishing, note = _vanishing(store, finished, cells, roles.get("devlin", ()))
    evidence = Evidence(
        runs=runs,
        roles=roles,
        vanishing=vanishing,
        label_entropy={
            key.task: label_entropy(tasks[spec.task.fingerprint].train.labels)
            for key, spec in cells.items()
            if spec.task.fingerprint in tasks and tasks[spec.task.fingerprint].classes
        },
    )
    table = ledger(evidence)
    tested = table[table["p_corrected"].notna()].reset_index(drop=True)
    return (tested, note) if len(tested) else (None, f"{note} {_NOT_HERE}".strip())


def study_roles(cells: Mapping[CellKey, RunSpec]) -> dict[Role, tuple[CellKey, ...]]:
    """The roles that cells play by their recipes: compared ones have the same tasks and models, in the same order."""
    roles: dict[Role, list[CellKey]] = {}
    panels = list(dict.fromkeys((key.task, key.model) for key in cells))
    for group in _BY_NAME:
        there = {role: [panel for panel in panels if CellKey(*panel, label) in cells] for role, label in group}
        used = {role: found for role, found in there.items() if found}
        shared = [panel for panel in panels if all(panel in found for found in used.values())]
        for role, label in group:
            # Without a task and model that have all of them nothing can be compared, but devlin's failed runs can be looked at.
            chosen = shared if role in used and (shared or role != "devlin") else there[role]
            if chosen:
                roles[role] = [CellKey(*panel, label) for panel in chosen]
    for off, on in _over_several_rates(_corrected_pairs(cells), cells):
        family = cells[off].model.family
        roles.setdefault(cast("Role", f"{family} uncorrected"), []).append(off)
        roles.setdefault(cast("Role", f"{family} corrected"), []).append(on)
    grids = [[key for key in cells if (key.task, key.model) == panel] for panel in panels]
    largest = max(grids, key=len, default=[])
    if len(largest) > 1:
        roles["grid"] = largest
    return {role: tuple(keys) for role, keys in roles.items()}


def _corrected_pairs(cells: Mapping[CellKey, RunSpec]) -> list[tuple[CellKey, CellKey]]:
    """Cells of one task and model whose recipes differ in the bias correction alone, without and with."""
    pairs = []
    for first, second in itertools.permutations(cells, 2):
        same_panel = (first.task, first.model) == (second.task, second.model)
        recipes = cells[first].recipe, cells[second].recipe
        known = same_panel and cells[first].model.family in _FAMILIES
        corrected = [recipe["bias_correction"] for recipe in recipes]
        if known and corrected == [False, True] and _otherwise(recipes[0]) == _otherwise(recipes[1]):
            pairs.append((first, second))
    return pairs


def _over_several_rates(
    pairs: Sequence[tuple[CellKey, CellKey]], cells: Mapping[CellKey, RunSpec]
) -> list[tuple[CellKey, CellKey]]:
    """The pairs of tasks and models that have them at several learning rates."""
    rates: dict[tuple[str, str], set[float]] = {}
    for off, _ in pairs:
        rates.setdefault((off.task, off.model), set()).add(cells[off].recipe["learning_rate"])
    return [pair for pair in pairs if len(rates[pair[0].task, pair[0].model]) >= _RATES]


def _otherwise(recipe: Mapping[str, Any]) -> dict[str, Any]:
    ignored = ("name", "description", "user_settings", "bias_correction")
    return {field: value for field, value in recipe.items() if field not in ignored}


def _vanishing(
    store: Store, finished: pd.DataFrame, specs: Mapping[CellKey, RunSpec], cells: tuple[CellKey, ...]
) -> tuple[pd.DataFrame | None, str]:
    """When the gradients of the default recipe's runs vanish, as far as that can be told; and why it cannot, of a run."""
    keys = pd.MultiIndex.from_frame(finished[["task", "model", "recipe"]])
    recorded = has_recorded(finished, "gradients")
    chosen = finished[keys.isin(list(cells)) & recorded] if cells else finished.head(0)
    rows = chosen.groupby("outcome", sort=False).head(_VANISHING_RUNS).drop_duplicates("run")
    parts, unknown = [], []
    for _, run in rows.iterrows():
        records = gradient_records(store.run(run["run"]).records(), _LOOKS)
        try:
            family = specs[CellKey(run["task"], run["model"], run["recipe"])].model.family
            parts.append(vanishing_of_run(run, records, finished, ATTENTION).assign(family=family))
        except UserError as error:
            unknown.append(str(error))
    note = (
        f"Whether gradients vanish cannot be told of {len(unknown)} of {len(rows)} runs: {unknown[0]}."
        if unknown
        else ""
    )
    return pd.concat(parts, ignore_index=True) if parts else None, note
