"""What a figure or table of the paper is: what to run, what to measure, the tables it makes and how they are drawn.

Each has its own file in this folder with a value ``FIGURE``. Nothing here trains: :mod:`seedproof.paper.reproduce` runs
what figures ask for and hands them what was found.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.errors import unknown
from seedproof.paper import FIGURES
from seedproof.paper.blocks import Block, RunKey
from seedproof.paper.scale import Scale

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.claims.evidence import CellKey, Evidence
    from seedproof.paper.measuring import Measuring
    from seedproof.store import Store

SUCCEEDED, FAILED, FITTED = "succeeded", "failed", "fitted"
"""Which runs a figure takes: by their outcome, or those that succeeded and learned their training set."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """What a figure has come to."""

    tables: Mapping[str, pd.DataFrame]
    """Tables by name; an empty one stands for what could not be made."""
    notes: Sequence[str] = ()
    """What a reader must know: what is missing and why, which runs were chosen and how."""
    evidence: Evidence | None = None
    """What it adds to the ledger of claims."""
    chosen_from: Collection[str] = ()
    """Ids of all runs that it took to get its measurements, also of those that were looked at and not taken: what as many more
    would cost follows from them. Empty: those that were measured are all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """A figure or table of the paper."""

    name: str
    finding: str
    """What the paper found, in a sentence."""
    blocks: Callable[[Scale], Sequence[Block]]
    """What has to have run."""
    content: Callable[[Found], Content]
    """Tables, notes and evidence from what was found; measures what it needs."""
    draw: Callable[[Mapping[str, pd.DataFrame], Path], list[Path]]
    """Draws the tables into a folder and returns the files; draws what can be drawn."""
    measured: Callable[[Scale], Sequence[tuple[str, float]]] = lambda _scale: ()
    """What is measured on stored weights, with an estimate in seconds on the scale's machine."""
    model: str = "bert"
    """Role of the model that it is about; a scale that lacks it cannot make the figure."""

    @property
    def title(self) -> str:
        """What it shows, in a line."""
        return FIGURES[self.name]


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a figure is made from: its runs, their records, and measurements of their weights."""

    scale: Scale
    store: Store
    runs: pd.DataFrame
    """Table of :func:`seedproof.analysis.runs_table`, one row per run that was asked for by any figure, with the names of
    task and model that the scale uses, and ``key`` (:class:`RunKey`)."""
    measure: Measuring

    @cached_property
    def _rows(self) -> dict[RunKey, int]:
        return {key: row for row, key in enumerate(self.runs["key"])}

    def of(self, *blocks: Block) -> pd.DataFrame:
        """The runs of blocks in their order (all states), without ``key``, each run once under a name."""
        keys = dict.fromkeys(key for block in blocks for key in block.run_keys())
        rows = [self._rows[key] for key in keys if key in self._rows]
        return self.runs.iloc[rows].drop(columns="key").reset_index(drop=True)

    @property
    def none(self) -> pd.DataFrame:
        """The table of runs without a row: for evidence whose runs must not join the cells of another claim."""
        return self.runs.iloc[:0].drop(columns="key")

    def records(self, runs: pd.DataFrame, kinds: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The records of the given kinds of finished ``runs``, by run id."""
        wanted = frozenset(kinds)
        finished = runs.loc[runs["state"] == "finished", "run"]
        return {
            run: [record for record in self.store.run(run).records() if record["kind"] in wanted]
            for run in dict.fromkeys(finished)
        }

    def label_entropies(self, runs: pd.DataFrame) -> dict[str, float]:
        """Entropy of the training labels of each task of ``runs`` in nats, by the task's name."""
        from seedproof.analysis.curves import label_entropy
        from seedproof.tasks import Task

        entropies = {}
        for task, part in runs.groupby("task", sort=False):
            fingerprint = self.store.run(part["run"].iloc[0]).spec.task.fingerprint
            entropies[str(task)] = label_entropy(Task.read(self.store.task_folder(fingerprint)).train.labels)
        return entropies


def get_figure(name: str) -> Figure:
    """The figure or table of that name.

    Raises:
        UserError: there is none; the nearest name is said.
    """
    if name not in FIGURES:
        raise unknown("figure or table", name, [*FIGURES, "all"])
    figure: Figure = importlib.import_module(f"seedproof.paper.{name}").FIGURE
    return figure


def choose(runs: pd.DataFrame, outcome: str, count: int | None = None) -> pd.DataFrame:
    """The first ``count`` runs with that outcome in the order given: the order is stated beforehand, nothing is picked.

    A diverged run has no finite weights and no last score, so it is never chosen.
    """
    is_one = runs["kind"] == FITTED if outcome == FITTED else runs["outcome"] == outcome
    fitting = runs[is_one & (runs["reason"] != "diverged")]
    return fitting.reset_index(drop=True) if count is None else fitting.head(count).reset_index(drop=True)


def lacking(runs: pd.DataFrame, outcome: str, wanted: int, what: str) -> list[str]:
    """A note where there are fewer runs with an outcome than a figure wants; it says how many there are."""
    there = len(choose(runs, outcome))
    if there >= wanted:
        return []
    finished, diverged = int((runs["state"] == "finished").sum()), int((runs["reason"] == "diverged").sum())
    more = f" ({diverged} more diverged, which leaves nothing to look at)" if diverged and outcome == FAILED else ""
    return [f"{what}: {there} of {finished} finished runs {outcome}{more}, {wanted} wanted; drawn with what there is"]


def passed_over(runs: pd.DataFrame) -> list[str]:
    """A note on the diverged runs, which have no finite weights to measure and count as failed all the same."""
    finished, diverged = int((runs["state"] == "finished").sum()), int((runs["reason"] == "diverged").sum())
    return (
        [f"{diverged} of {finished} finished runs diverged; they failed, and have no weights to measure"]
        if diverged
        else []
    )


def incomplete(runs: pd.DataFrame) -> list[str]:
    """A note where runs are not finished."""
    missing = runs[runs["state"] != "finished"]
    states = ", ".join(f"{count} {state}" for state, count in missing["state"].value_counts().items())
    return (
        [f"{len(missing)} of {len(runs)} runs are not finished ({states}); they are not in the tables"]
        if len(missing)
        else []
    )


def cell_keys(scale: Scale, *blocks: Block) -> tuple[CellKey, ...]:
    """The cells of blocks as the ledger names them."""
    from seedproof.analysis.claims.evidence import CellKey

    return tuple(CellKey(each.task_name(scale), scale.model(each.model).name, each.recipe.name) for each in blocks)
