"""What the page keeps of each run, small enough for a thousand of them: curves, a gradient heat map, predictions.

Losses become means over windows of steps, gradient norms bytes of their logarithm, predictions two bytes an example. The
script of the page (``run.js``) reads back exactly what is written here.
"""

from __future__ import annotations

import base64
import functools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from seedproof.models.layers import places
from seedproof.report.figures.curves import windowed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedproof.report.html.page import Records
    from seedproof.tasks import Task

LOSS_POINTS = 150
"""Points of a loss curve."""
HEAT_COLUMNS = 120
"""Looks at the gradients that are kept of a run, evenly spaced, the last included."""
EXAMPLES = 2000
"""Examples of a development set whose predictions can be looked at one by one."""
TEXT_LENGTH = 400
"""Characters of a text."""
LOWEST, HIGHEST = -12.0, 4.0
"""Powers of ten that the bytes of the heat map cover: 2 to 254, in steps of 0.063."""
MISSING, ZERO, NOT_FINITE = 0, 1, 255
"""Bytes of the heat map that are no numbers."""


def compact_run(records: Records, metric: str | None, evaluated_step: int | None, task: Task | None) -> dict[str, Any]:
    """The records of a run as small JSON values; what it did not record is left out.

    Args:
        records: in order, also of a run that is not finished.
        metric: whose values are the score; None: the first there is.
        evaluated_step: where the predictions are taken from; None leaves them out.
        task: the data they are judged by; None leaves them out.
    """
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        kinds.setdefault(str(record["kind"]), []).append(record)
    content: dict[str, Any] = {}
    if losses := kinds.get("loss"):
        content["loss"] = _loss_curve(losses)
    if evaluations := kinds.get("evaluation"):
        points = [(item["step"], item["scores"].get(metric or next(iter(item["scores"]), ""))) for item in evaluations]
        content["score"] = _points(points)
    if pooler := [(item["step"], item["saturated"]) for item in kinds.get("pooler", []) if "saturated" in item]:
        content["pooler"] = _points(pooler)
    if heat := heat_map(kinds.get("gradients", [])):
        content["heat"] = heat
    judged = [item for item in kinds.get("evaluation", []) if item["step"] == evaluated_step and "logits dev" in item]
    if judged and task is not None:
        content["dev"] = predictions(judged[-1]["logits dev"], task)
    return content


def rounded(value: float | None, digits: int = 4) -> float | None:
    """``value`` in a few significant digits; None where it is not finite, which JSON has no number for."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def _points(pairs: Iterable[tuple[int, float | None]]) -> dict[str, list[Any]]:
    listed = list(pairs)
    return {"x": [int(step) for step, _ in listed], "y": [rounded(value) for _, value in listed]}


def _loss_curve(losses: list[Mapping[str, Any]]) -> dict[str, Any]:
    window = max(1, math.ceil(len(losses) / LOSS_POINTS))
    steps, means = windowed(
        np.array([item["step"] for item in losses]), np.array([item["loss"] for item in losses], np.float64), window
    )
    return {"window": window} | _points(zip(steps.tolist(), means.tolist(), strict=True))


@functools.lru_cache(maxsize=64)
def _layer_rows(names: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The rows of the heat map, top layer first, and which tensors each gathers: (rows, tensors) of 0 and 1."""
    located = places(names)
    layers = sorted({place.layer for place in located if place.layer is not None}, reverse=True)
    outside = ["classifier", "pooler"]
    labels = [kind for kind in outside if any(place.kind == kind for place in located)]
    keys: list[Any] = [*labels, *layers, "embeddings"]
    rows = np.zeros((len(keys), len(names)))
    for column, place in enumerate(located):
        key = place.layer if place.layer is not None else place.kind
        if place.part == "weight" and key in keys:
            rows[keys.index(key), column] = 1.0
    return tuple(str(key + 1) if isinstance(key, int) else key for key in keys), rows


def heat_map(records: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Gradient norms of layers (all weights, no biases) against steps; None where none was recorded.

    Returns:
        ``x``: steps; ``rows``: names of the rows from the top, layers counted from 1; ``bytes``: base64 of the codes, row
        after row.
    """
    named = next((record["names"] for record in records if "names" in record), None)
    looks = [record for record in records if "norms" in record]
    if named is None or not looks:
        return None
    chosen = np.unique(np.linspace(0, len(looks) - 1, min(HEAT_COLUMNS, len(looks))).round().astype(int))
    norms = np.stack([np.asarray(looks[index]["norms"], np.float64) for index in chosen])
    labels, rows = _layer_rows(tuple(named))
    with np.errstate(invalid="ignore"):  # infinity times 0: handled below, by rows
        gathered = np.sqrt(np.where(np.isfinite(norms), norms, 0.0) ** 2 @ rows.T).T
    broken = (~np.isfinite(norms)).astype(float) @ rows.T > 0
    gathered[broken.T] = math.nan
    codes = base64.b64encode(encode(gathered).tobytes()).decode("ascii")
    return {"x": [int(looks[index]["step"]) for index in chosen], "rows": list(labels), "bytes": codes}


def encode(norms: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Norms as bytes: 2 to 254 for their logarithm from ``LOWEST`` to ``HIGHEST``, and three codes that are no numbers."""
    codes = np.full(norms.shape, NOT_FINITE, np.uint8)
    positive = np.isfinite(norms) & (norms > 0)
    shares = (np.log10(norms[positive]) - LOWEST) / (HIGHEST - LOWEST)
    codes[positive] = 2 + np.clip(np.rint(252 * shares), 0, 252).astype(np.uint8)
    codes[norms == 0] = ZERO
    return codes


def predictions(logits: Any, task: Task) -> dict[str, Any] | None:
    """What a run predicts on the development set: the whole table of confusion, and single examples up to ``EXAMPLES``."""
    logits = np.asarray(logits, np.float64)
    if len(logits) != len(task.dev):
        return None
    if not np.isfinite(logits).all():
        return {"finite": False}
    if not task.classes:
        return {"value": [rounded(value) for value in logits[:EXAMPLES, 0].tolist()]}
    predicted = logits.argmax(axis=1)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    share = shifted.max(axis=1) / shifted.sum(axis=1)
    count = len(task.classes)
    confusion = np.bincount(task.dev.labels * count + predicted, minlength=count * count).reshape(count, count)
    pairs = np.stack([predicted, np.rint(255 * share)], axis=1)[:EXAMPLES].astype(np.uint8)
    return {"confusion": confusion.tolist(), "pairs": base64.b64encode(pairs.tobytes()).decode("ascii")}


def compact_task(task: Task, *, texts: bool) -> dict[str, Any]:
    """The development set of a task, as far as the page shows it one by one."""
    dev = task.dev
    content: dict[str, Any] = {
        "classes": list(task.classes),
        "total": len(dev),
        "labels": [rounded(float(label)) for label in dev.labels[:EXAMPLES]],
    }
    if texts:
        content["texts"] = [_cut(text) for text in dev.texts[:EXAMPLES]]
        if dev.pairs is not None:
            content["pairs"] = [_cut(text) for text in dev.pairs[:EXAMPLES]]
    return content


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + "…"
