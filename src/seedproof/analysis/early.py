"""The first steps of runs as a table: a row per run and step, for telling early which runs will fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.analysis.locations import joint_distance
from seedproof.models.layers import locate_all
from seedproof.probes.early import measured
from seedproof.probes.gradients import joint_norm
from seedproof.probes.vanishing import lower_fraction

ABOUT = ("task", "model", "recipe", "seed", "run")
EARLY_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "step": "step, from 1; its row is of the weights that it found, before its update, and of its training batch, dropout on",
        "loss": "training loss of the batch, nats (squared error for one output)",
        "entropy": "mean entropy of the predicted distributions (of several labels, over these as well), nats; missing for one "
        "output",
        "spread": "SD of the outputs over the batch: root mean square over outputs, each example's logits less their mean",
        "largest_share": "share of the batch for which the label that is predicted most is predicted; missing for one output",
        "share_<i>": "share of the batch for which label i is predicted, from 0; NaN where no example has finite outputs",
        "saturated": "fraction of the pooler's tanh units beyond .99; missing for a head without tanh",
        "gradient_norm": "L2 norm of the gradient before clipping, over all parameters that have one",
        "lower_fraction": "median norm of the gradients of the lower half of the layers' matrices, as a fraction of the "
        "classifier's (`seedproof.probes.vanishing`); missing where a model's names tell neither",
        "gradient_norm_<place>": "the norm over all parameters of `embeddings`, `layer_<n>` (0 is the lowest), `pooler`, "
        "`classifier`, or what else the model has; missing where nothing of it has a gradient, as of what is frozen",
        "distance": "L2 distance of all trained parameters from their start values; every tenth step",
        "distance_<place>": "the same by place",
    }
)
"""Columns of the table behind those that name the run, in words."""

_FIXED = tuple(name for name in EARLY_COLUMNS if "<" not in name)


def early_frame(runs: pd.DataFrame, records: Mapping[str, Iterable[Mapping[str, Any]]]) -> pd.DataFrame:
    """Gather what ``--record early`` recorded.

    Args:
        runs: the table of runs.
        records: those of kind ``loss`` and ``early`` by run, in order; a run without the latter has no rows.

    Returns:
        Columns :data:`ABOUT` and :data:`EARLY_COLUMNS`; norms of places are right to .3 %.
    """
    parts = []
    for about in runs[list(ABOUT)].to_dict("records"):
        table = _of_run(list(records.get(about["run"], ())))
        if len(table):
            parts.append(pd.concat([pd.DataFrame([about] * len(table), columns=list(ABOUT)), table], axis=1))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*ABOUT, *_FIXED])
    others = [name for name in frame.columns if name not in (*ABOUT, *_FIXED)]
    types = dict.fromkeys(ABOUT, "string") | {"step": "int64"} | dict.fromkeys((*_FIXED[1:], *others), "float64")
    return frame[[*ABOUT, *_FIXED, *others]].astype(types)


def _of_run(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of one run, without its name."""
    early = measured([record for record in records if record["kind"] == "early"])
    seen = [record for record in early if "norms" in record]
    if not seen:
        return pd.DataFrame()
    names = next(record["names"] for record in early if "names" in record)
    losses = {record["step"]: record["loss"] for record in records if record["kind"] == "loss"}
    nowhere = np.full(len(names), np.nan)
    norms = np.stack([record["norms"] for record in seen])
    distances = np.stack([record.get("distances", nowhere) for record in seen])
    columns: dict[str, Any] = {
        "step": [record["step"] for record in seen],
        "loss": [losses.get(record["step"], np.nan) for record in seen],
        **{name: [record.get(name, np.nan) for record in seen] for name in ("entropy", "spread", "saturated")},
        **_shares(seen),
        "lower_fraction": [_or_nan(lower_fraction(names, each)) for each in norms],
        **_by_place(names, norms, "gradient_norm"),
        **_by_place(names, distances, "distance"),
    }
    return pd.DataFrame(columns)


def _shares(seen: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[np.float64]]:
    """Shares of the predicted labels, (steps,) each."""
    if "counts" not in seen[0]:
        return {"largest_share": np.full(len(seen), np.nan)}
    counts = np.array([record["counts"] for record in seen], np.float64)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no output was finite
        shares = counts / _examples(seen, counts)
    return {"largest_share": shares.max(1), **{f"share_{label}": share for label, share in enumerate(shares.T)}}


def _examples(seen: Sequence[Mapping[str, Any]], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many examples were counted, (steps, 1): of one label each, their counts; of several, it is recorded."""
    sums = counts.sum(1, keepdims=True)
    return np.array([[record["examples"]] for record in seen], np.float64) if "examples" in seen[0] else sums


def _by_place(names: Sequence[str], norms: NDArray[np.float64], word: str) -> dict[str, NDArray[np.float64]]:
    """Norms over all tensors and over those of each place, (steps,) each, from those of the tensors, (steps, tensors)."""
    together = joint_norm if word == "gradient_norm" else joint_distance
    places: dict[str, list[int]] = {}
    for index, location in enumerate(locate_all(names)):
        place = location.kind if location.layer is None else f"layer_{location.layer}"
        places.setdefault(place, []).append(index)
    return {
        word: together(norms),
        **{f"{word}_{place}": together(norms[:, inside]) for place, inside in places.items()},
    }


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
