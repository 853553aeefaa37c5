"""What the claims are decided on: the table of runs, who plays which role in it, and a few small tables.

    evidence = Evidence(
        runs=results.runs(),                       # or several, concatenated; or merge(Evidence(...), Evidence(...))
        roles={
            "deep": cells(TASKS, "miniature/bert", "devlin"),
            "shallow": cells(TASKS, "miniature/bert-shallow", "devlin"),
        },
    )
    table = ledger(evidence)                       # claims without evidence: "not decided", naming what is missing

Everything but ``runs`` may be missing. A figure fills in what it has; :func:`merge` puts the parts together.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple, get_args

import pandas as pd

from seedproof.analysis.runs import came_to_end, is_stopped
from seedproof.errors import UserError, unknown

Role = Literal[
    "deep",
    "shallow",
    "full data",
    "few examples, same epochs",
    "few examples, same steps",
    "bert uncorrected",
    "bert corrected",
    "roberta uncorrected",
    "roberta corrected",
    "albert uncorrected",
    "albert corrected",
    "default rate uncorrected",
    "default rate corrected",
    "quarter rate uncorrected",
    "devlin",
    "mixout",
    "mosbach",
    "grid",
    "deep corrected",
    "shallow corrected",
]
"""The parts that cells play in claims. Roles that a claim compares have equally many cells, **matched by position**: the
i-th cell of one against the i-th of the other, with the same task (and the same learning rate, where that varies).

deep, shallow: the default recipe on the deep model and on its shallow control (one cell per task).
full data; few examples, same epochs; few examples, same steps: Figure 3 (one cell per task).
<family> uncorrected / corrected: Figure 5 (one cell per learning rate).
default rate uncorrected / corrected, quarter rate uncorrected: devlin, devlin(bias_correction=True), devlin-quarter-lr.
devlin, mixout, mosbach: Table 1 (one cell per task). The failed runs of ``devlin`` are those whose loss is looked at.
grid: every ablation run of Figures 8b and 9, one task (its cells are not matched with anything).
deep corrected, shallow corrected: as deep and shallow, with bias correction.
"""


class CellKey(NamedTuple):
    """The runs of one task, model and recipe, by the names in the table of runs."""

    task: str
    model: str
    recipe: str


def cells(tasks: str | Iterable[str], models: str | Iterable[str], recipes: str | Iterable[str]) -> tuple[CellKey, ...]:
    """Every combination, tasks first, then models, then recipes; a single name stands for a list of one.

    >>> cells(["rte", "mrpc"], "bert", "devlin")
    (CellKey(task='rte', model='bert', recipe='devlin'), CellKey(task='mrpc', model='bert', recipe='devlin'))
    """
    return tuple(
        CellKey(task, model, recipe)
        for task in _listed(tasks)
        for model in _listed(models)
        for recipe in _listed(recipes)
    )


class Missing(LookupError):
    """Evidence that a claim needs is not there; the message says what. Makes the claim "not decided"."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What claims are decided on.

    Raises:
        UserError: a role that does not exist.
    """

    runs: pd.DataFrame
    """Columns of :func:`seedproof.analysis.runs_table`; rows of several studies may be concatenated, provided that equal
    names of task, model and recipe mean the same."""
    roles: Mapping[Role, Sequence[CellKey]] = field(default_factory=dict)
    """The cells of each role; see :data:`Role`."""
    only: Mapping[Role, Set[str]] = field(default_factory=dict)
    """The run ids that a role means. A role that is not named here takes every run of its cells, also those that came with
    the evidence of another figure; so name it where a figure means its own seeds only."""
    vanishing: pd.DataFrame | None = None
    """:func:`seedproof.analysis.vanishing_steps` of failed **and** successful runs of the default recipe, of the query and key
    matrices, concatenated over models with a column ``family``. Uses ``run, family, outcome, fraction_of_training``. A run that
    diverged before any norm was recorded has a row too, with these and ``layers`` missing: it counts as one that did not
    vanish."""
    forgetting: pd.DataFrame | None = None
    """:func:`seedproof.forgetting` of runs, concatenated, with columns ``run``, ``task``, ``outcome`` and ``group`` added (see
    :data:`seedproof.analysis.claims.fitted.GROUPS`; missing where a run is in none). Uses also ``layers_restored, embeddings,
    loss``; per run every k with fine-tuned embeddings, and the largest k with pre-trained ones. At least six runs of each group
    on one task, nine to be safe."""
    barriers: pd.DataFrame | None = None
    """``Surface.barriers`` of several planes, concatenated, with columns ``task``, ``head`` and ``successful_loss`` (at s) added,
    and where a plane has a grid ``loss_path`` and ``norm_path``: the least maximum over all paths from f to s, less the larger
    end and divided by it. Uses also ``edge, barrier, norm_ridge``; only the edge between f and s matters. The first plane of each
    task and head counts: planes of one head share their successful run, so they are not independent. At least nine that count."""
    label_entropy: Mapping[str, float] = field(default_factory=dict)
    """Entropy of the training labels of each task, in nats; :func:`seedproof.analysis.label_entropy`."""
    strata: Mapping[str, str] = field(default_factory=dict)
    """What the recipes of the role ``grid`` have in common, by recipe: rate and correction. Only runs of one are compared."""

    def __post_init__(self) -> None:
        for role in (*self.roles, *self.only):
            if role not in get_args(Role):
                raise unknown("role", role, get_args(Role), where="the evidence of the ledger")

    def of(self, role: Role) -> pd.DataFrame:
        """The finished runs of a role, with a column ``cell`` (the index of the run's cell among those of the role).

        Where :attr:`only` names the role, only the runs that it names.

        A run that diverged is finished, and here. Runs of a race are no evidence.

        Raises:
            Missing: the role has no cell, or one of its cells has no finished run.
        """
        keys = self.roles.get(role, ())
        if not keys:
            raise Missing(f"no cells have the role {role!r}")
        parts = []
        for index, key in enumerate(keys):
            of_cell = (self.runs["task"] == key[0]) & (self.runs["model"] == key[1]) & (self.runs["recipe"] == key[2])
            if stopped := int(is_stopped(self.runs[of_cell]).sum()):
                raise Missing(
                    f"{stopped} runs of {key[2]} on {key[0]} with {key[1]} were stopped early, and those that finished were "
                    "selected"
                )
            part = came_to_end(self.runs[of_cell])
            if role in self.only:
                part = part[part["run"].isin(list(self.only[role]))]
            if part.empty:
                raise Missing(f"{role!r} has no finished run of {key[2]} on {key[0]} with {key[1]}")
            parts.append(part.assign(cell=index))
        return pd.concat(parts, ignore_index=True)

    def table(self, name: Literal["vanishing", "forgetting", "barriers"], *, family: str | None = None) -> pd.DataFrame:
        """One of the tables; of a family of models, only its rows.

        Raises:
            Missing: it was not measured, or not for the family.
        """
        value: pd.DataFrame | None = getattr(self, name)
        if value is None or value.empty:
            raise Missing(f"the table {name!r} was not measured")
        if family is None:
            return value
        if "family" not in value or not (of_family := value["family"] == family).any():
            raise Missing(f"the table {name!r} was not measured for {family}")
        return value[of_family]


def merge(*parts: Evidence) -> Evidence:
    """One evidence from those of several figures: rows are concatenated, equal rows kept once, roles united.

    Raises:
        UserError: two parts disagree: on the cells or runs of a role, an entropy, or the run behind a task, model, recipe and
            seed.
    """
    if not parts:
        raise UserError("merge needs at least one part of evidence")
    values: dict[str, object] = {"runs": _united_runs([part.runs for part in parts])}
    for name in ("roles", "only", "label_entropy", "strata"):
        values[name] = _united(name, [getattr(part, name) for part in parts])
    for name in (item.name for item in fields(Evidence)):
        if name not in values:
            tables = [getattr(part, name) for part in parts if getattr(part, name) is not None]
            values[name] = pd.concat(tables, ignore_index=True).drop_duplicates() if tables else None
    return Evidence(**values)  # type: ignore[arg-type]


def _united_runs(tables: list[pd.DataFrame]) -> pd.DataFrame:
    runs = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    key = ["task", "model", "recipe", "seed"]
    runs = runs.drop_duplicates([*key, "run"], ignore_index=True)
    twice = runs[runs.duplicated(key, keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise UserError(
            f"two different runs are called {first['recipe']} on {first['task']} with {first['model']}, seed "
            f"{first['seed']} ({', '.join(twice['run'][:2])}); give recipes with different settings different labels"
        )
    return runs


def _united(name: str, mappings: list[Mapping[str, object]]) -> dict[str, object]:
    whole: dict[str, object] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            if whole.setdefault(key, value) != value:
                raise UserError(
                    f"{name} of {key!r} is {_short(whole[key])} in one part of the evidence and {_short(value)} in another"
                )
    return whole


def _short(value: object) -> str:
    return reprlib.repr(value) if isinstance(value, Set) else repr(value)


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
