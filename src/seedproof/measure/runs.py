"""Measurements on the runs of a study, asked for by run id; they are kept in the study's folder, their tables as CSV.

From a run's spec follow its pre-trained source, its task, its head seed and how its texts were cut; the weights must
have been kept (``--weights``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError, command
from seedproof.execution.recording import in_script, options_over_file
from seedproof.measure.forgetting import forgetting
from seedproof.measure.surface import surface
from seedproof.methods import METHODS, Method
from seedproof.models.source import ModelSource
from seedproof.recipes import from_json
from seedproof.spec import RunSpec
from seedproof.store import Store, write_table
from seedproof.store.cells import Cell
from seedproof.store.checked import STOPPED
from seedproof.store.definitions import names_cell
from seedproof.store.files import read_text
from seedproof.store.measurements import FOLDER
from seedproof.store.seals import check_sealed

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.measure.masking import Text
    from seedproof.measure.plane import Surface

StoreLike = Store | str | os.PathLike[str]


@dataclass(frozen=True)
class RunCheckpoint:
    """A finished run and where its weights are."""

    id: str
    spec: RunSpec
    result: Mapping[str, Any]
    weights: Path
    """The folder of the final weights, in Transformers' layout."""
    source: ModelSource
    """What it was fine-tuned from."""

    @property
    def outcome(self) -> str:
        """``succeeded`` or ``failed``."""
        return str(self.result["outcome"])

    @property
    def drawing(self) -> list[str]:
        """Methods of the run, by name, that drew parameters of the pre-trained model anew at its start."""
        names = [entry["name"] for entry in self.spec.recipe.get("methods", ())]
        return [name for name in names if name in METHODS and METHODS[name].redraws is not Method.redraws]

    @property
    def start(self) -> dict[str, Any]:
        """What decides the model at step 0 and the loss on the examples: runs that agree in it share a plane."""
        if self.spec.numerics.engine == "trainer":
            raise UserError(
                f"the run {self.id} is a Trainer's that was watched, so it is not known with which head it began; a surface "
                "needs runs that seedproof made"
            )
        recipe = from_json(self.spec.recipe, with_methods=False)
        # A model that brings its own head keeps it: then the head seed moves nothing.
        head = (self.spec.seeds.head, recipe.initializer_range) if self.result["missing_parameters"] else None
        return {
            "pre-trained model": self.spec.model.fingerprint,
            "task": self.spec.task.fingerprint,
            "head seed": head,
            "max_length": recipe.max_length,
            "segment_ids": recipe.segment_ids,
            "inputs": recipe.inputs,
        }


def run_checkpoint(store: StoreLike, run: str) -> RunCheckpoint:
    """Find a run's weights, its pre-trained source and what else a measurement needs.

    Args:
        store: a study's folder.
        run: an id, its beginning, or ``recipe/seed`` (:meth:`seedproof.Results.run_id`).

    Raises:
        UserError: the study has no such run, it is not finished, it kept no weights (the message has the command that
            adds them), or the pre-trained weights are no longer where they were.
    """
    from seedproof.execution.inputs import model_source

    opened = store if isinstance(store, Store) else Store.open(store)
    run = opened.find_run(run)
    folder = opened.run(run)
    spec, result = folder.spec, folder.result()
    if result["outcome"] == STOPPED:
        raise UserError(
            f"run {run} in {opened.path} was stopped after step {result['stopped_at']} by the {result['reason']}, so it has no "
            "final weights; choose one that finished"
        )
    if not folder.weights.is_dir():
        raise UserError(
            f"run {run} in {opened.path} kept no weights, which this is measured on; {_adding(opened, spec)}"
        )
    for file in (*sorted(folder.weights.glob("*.safetensors")), folder.weights / "config.json"):
        check_sealed(file)
    return RunCheckpoint(run, spec, result, folder.weights, model_source(opened, spec.model))


def forgetting_of_runs(store: StoreLike, runs: Sequence[str], text: Text, **options: Any) -> pd.DataFrame:
    """:func:`seedproof.forgetting` of several runs of a study, with the same masks, kept in the study's folder.

    Args:
        store: a study's folder.
        runs: ids, or other ways to point at them (:meth:`seedproof.Results.run_id`).
        text: as for ``forgetting``.
        **options: as for ``forgetting``.

    Returns:
        Its columns, and before them ``run``, ``seed``, ``recipe`` and ``outcome``.

    Raises:
        UserError: as :func:`run_checkpoint` and ``forgetting``.
    """
    import pandas as pd

    if not runs:
        raise UserError("give at least one run to measure forgetting on")
    opened = store if isinstance(store, Store) else Store.open(store)
    checkpoints = [run_checkpoint(opened, id_) for id_ in dict.fromkeys(opened.find_run(run) for run in runs)]
    recipes = {cell.id: cell.recipe for cell in reversed(opened.cells())}
    tables = []
    for checkpoint in checkpoints:
        table = forgetting(checkpoint.weights, checkpoint.source.folder, text, **{"folder": opened.path, **options})
        labels = {
            "run": checkpoint.id,
            "seed": checkpoint.spec.seeds.label,
            "recipe": recipes[checkpoint.id],
            "outcome": checkpoint.outcome,
        }
        for index, (name, value) in enumerate(labels.items()):
            table.insert(index, name, value)
        _leave({"forgetting": table}, opened.path / FOLDER / f"forgetting-{checkpoint.id}")
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def surface_of_runs(store: StoreLike, failed: str, successful: str, **options: Any) -> Surface:
    """:func:`seedproof.surface` through a failed and a successful run of a study, kept in the study's folder.

    Args:
        store: a study's folder.
        failed: a failed run, by its id or otherwise (:meth:`seedproof.Results.run_id`).
        successful: a run that succeeded and began with the same model: same task, pre-trained weights and head seed
            (another recipe, or other order and dropout seeds).
        **options: as for ``surface``; task, head seed and cutting come from the runs.

    Raises:
        UserError: as :func:`run_checkpoint` and ``surface``, an outcome is not as said, or the runs have no common start.
    """
    from seedproof.execution.inputs import read_task

    opened = store if isinstance(store, Store) else Store.open(store)
    f, s = run_checkpoint(opened, failed), run_checkpoint(opened, successful)
    for checkpoint, expected in ((f, "failed"), (s, "succeeded")):
        if checkpoint.outcome != expected:
            raise UserError(
                f"run {checkpoint.id} {'succeeded' if expected == 'failed' else 'failed'}, but is given as the one that "
                f"{expected}; give another run (seedproof.surface takes any three models)"
            )
    for checkpoint in (f, s):
        _check_pretrained_start(checkpoint)
    _check_common_start(opened, f, s)
    recipe = from_json(f.spec.recipe, with_methods=False)
    found = surface(
        f.source.folder,
        f.weights,
        s.weights,
        task=read_task(opened.task_folder(f.spec.task.fingerprint)),
        head_seed=f.spec.seeds.head,
        initializer_range=recipe.initializer_range,
        max_length=recipe.max_length,
        segment_ids=recipe.segment_ids,
        inputs=recipe.inputs,
        new_head=bool(recipe.new_head),
        **{"folder": opened.path, **options},
    )
    _leave(found.tables, opened.path / FOLDER / f"surface-{f.id}-{s.id}")
    return found


def _leave(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write the tables of the last measurement of these runs where the study's report finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table, is_sealed=True)


def common_starts(store: StoreLike) -> list[tuple[str, str]]:
    """Every pair ``(failed, successful)`` of finished runs that began with the same model, weights kept or not."""
    opened = store if isinstance(store, Store) else Store.open(store)
    runs = [
        RunCheckpoint(id_, opened.run(id_).spec, result, opened.run(id_).weights, ModelSource("", Path()))
        for id_, result in opened.results()
    ]
    runs = [run for run in runs if not run.drawing]
    failed = [run for run in runs if run.outcome == "failed" and run.result["reason"] != "diverged"]
    return [(f.id, s.id) for f in failed for s in runs if s.outcome == "succeeded" and s.start == f.start]


def _check_pretrained_start(run: RunCheckpoint) -> None:
    if run.drawing:
        raise UserError(
            f"run {run.id} did not begin with the pre-trained model that a plane goes through: its method {run.drawing[0]} drew "
            f"parameters anew; give a run without {run.drawing[0]}"
        )


def _check_common_start(store: Store, f: RunCheckpoint, s: RunCheckpoint) -> None:
    one, two = f.start, s.start
    differing = [name for name in one if one[name] != two[name]]
    if not differing:
        return
    names = {
        "pre-trained model": (f.spec.model.name, s.spec.model.name),
        "task": (f.spec.task.name, s.spec.task.name),
        "head seed": (f.spec.seeds.head, s.spec.seeds.head),
    }
    first = differing[0]
    values = names.get(first, (one[first], two[first]))
    partners = [successful for failed, successful in common_starts(store) if failed == f.id]
    hint = (
        f"with run {f.id} go: {', '.join(partners[:5])}"
        if partners
        else (
            f"no successful run of the study began as {f.id} did; add one with the same head seed, by another recipe or with "
            "other order and dropout seeds"
        )
    )
    raise UserError(
        f"runs {f.id} and {s.id} did not begin with the same model (their {first} differs: {values[0]} and {values[1]}), so no "
        f"pre-trained point is common to both; {hint}"
    )


def _adding(store: Store, spec: RunSpec) -> str:
    """How to get the weights: the command that adds them to the runs of the study file that a run is in, after what it does."""
    if store.is_watched:
        return f"to keep those of further runs, in the script that trains: {in_script('weights=True')}"
    again = "to do the runs again, compare them, and keep their weights:"
    every = store.definitions()
    files = [path for path in every if names_cell(read_text(path), Cell.of(spec), spec.task.fingerprint)] or every
    if not files:
        return f"{again} the study's own command and --weights"
    kept = [word for word in options_over_file(store, read_text(files[0])) if word != "--weights"]
    return f"{again} {command('study', 'run', files[0], '--out', store.path, *kept, '--weights')}"
