"""What trackers are told of a run, read from its store."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from seedproof.recipes import stored_values
from seedproof.spec import RunSpec, content_hash
from seedproof.store import RunFolder, Store
from seedproof.store.cells import Cell
from seedproof.track.base import Ending, TrackedRun

_SUMMARY = (
    *("metric", "score", "score_low", "score_high", "majority", "training_loss"),
    *("steps", "evaluated_step", "diverged_at", "truncated_examples"),
    *("stopped_at", "stopped_score", "stopped_because"),
)
"""What a tracker shows of a result, beside its verdict."""
_NO_VALUES = {"step", "kind"}


def tracked_runs(store: Store, cells: Iterable[Cell]) -> Iterator[TrackedRun]:
    """The runs of cells as trackers know them; a run that stands in two cells is there twice, once in each group."""
    for cell in cells:
        folder = store.run(cell.id)
        spec, attempts = folder.spec, folder.attempts()
        yield TrackedRun(
            id=cell.id,
            study=store.name,
            task=cell.task,
            model=cell.model,
            recipe=cell.recipe,
            seed=cell.seed,
            config=_config(cell, spec),
            started=float(attempts[0]["time"]) if attempts else 0.0,
        )


def _config(cell: Cell, spec: RunSpec) -> dict[str, Any]:
    """What a run was told, flat; what is none is the text ``none``, as not every tracker has one."""
    values = {
        **{name: value for name, value in cell.to_json().items() if name != "id"},
        "run": spec.id,
        "head_seed": spec.seeds.head,
        "order_seed": spec.seeds.order,
        "dropout_seed": spec.seeds.dropout,
        "family": spec.model.family,
        "train_examples": spec.task.train_examples,
        "dev_examples": spec.task.dev_examples,
        "data_fingerprint": spec.task.fingerprint,
        "model_fingerprint": spec.model.fingerprint,
        **stored_values(spec.recipe),
        **spec.numerics.to_json(),
    }
    return {name: value if isinstance(value, (bool, int, float)) else _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def by_step(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, dict[str, float]]]:
    """The numbers of records by step, each step once where its records follow each other."""
    for step, group in itertools.groupby(records, key=lambda record: int(record["step"])):
        values = {name: value for record in group for name, value in numbers(record).items()}
        if values:
            yield step, values


def numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record by the names under which trackers show them.

    The training loss is ``train/loss``, the scores of an evaluation ``dev/accuracy`` and so on; what a probe saw stands under
    its name: ``gradients/total``. Of ``drift`` it is the distance of all tensors together.
    """
    kind = str(record["kind"])
    if kind == "loss":
        return {"train/loss": float(record["loss"])}
    if kind == "evaluation":
        entropy = {"dev/entropy": float(record["entropy"])} if "entropy" in record else {}
        return {f"dev/{name}": float(value) for name, value in record["scores"].items()} | entropy
    found = {f"{kind}/{name}": float(value) for name, value in record.items() if _is_number(name, value)}
    if (distances := record.get("distances")) is not None:
        found[f"{kind}/total"] = float(np.linalg.norm(np.asarray(distances, np.float64)))
    return found


def _is_number(name: str, value: object) -> bool:
    return name not in _NO_VALUES and isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def ending_of(folder: RunFolder, state: str) -> Ending:
    """How a run ended.

    Args:
        folder: of the run.
        state: of the run where it is not finished.
    """
    records = folder.journal.path.stat().st_size if folder.journal.path.exists() else 0
    if not folder.is_finished:
        return Ending(verdict=state, summary={}, content=content_hash({"verdict": state, "bytes": records}))
    result = folder.result()
    outcome, why = str(result["outcome"]), result.get("reason")
    verdict = f"{outcome}/{why}" if why else outcome
    summary = {name: result[name] for name in _SUMMARY if result.get(name) is not None}
    said = {name: repr(value) for name, value in result.items()}  # a score that is not finite has no place in JSON
    return Ending(verdict=verdict, summary=summary, content=content_hash({"result": said, "bytes": records}))
