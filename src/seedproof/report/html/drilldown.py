"""What the page keeps of each run, small enough for a thousand of them: curves, a gradient heat map, predictions.

Losses become means over windows of steps, gradient norms bytes of their logarithm, predictions three bytes an example. The
script of the page (``run.js``) reads back exactly what is written here.
"""

from __future__ import annotations

import base64
import functools
import math
from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from seedproof.analysis.curves import label_entropy
from seedproof.analysis.predictions import joined_labels
from seedproof.models.layers import locate_all
from seedproof.probes.gradients import joint_norm
from seedproof.report.figures.curves import windowed
from seedproof.report.html.thinning import EvenlySpaced
from seedproof.report.limits import Limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedproof.report.html.page import Records
    from seedproof.tasks import Task

_DEFAULT = Limits()
LOSS_POINTS = 150
"""Points of a loss curve."""
HEAT_COLUMNS = 60
"""Looks at the gradients that are kept of a run: so many to twice as many, evenly spaced, the last included."""
LOWEST, HIGHEST = -12.0, 4.0
"""Powers of ten that the bytes of the heat map cover: 2 to 254, in steps of 0.063."""
MISSING, ZERO, NOT_FINITE = 0, 1, 255
"""Bytes of the heat map that are no numbers."""
MOST_CLASSES = 200
"""Classes of a task up to which a run keeps its table of confusion: of 1,000 each run would have a million numbers."""


def compact_run(
    records: Records, metric: str | None, evaluated_step: int | None, task: Task | None, limits: Limits = _DEFAULT
) -> dict[str, Any]:
    """The records of a run as small JSON values; what it did not record is left out.

    Args:
        records: in order, also of a run that is not finished; gone through once, and forgotten.
        metric: whose values are the score; None: the first there is.
        evaluated_step: where the predictions are taken from; None leaves them out.
        task: the data they are judged by; None leaves them out.
        limits: how many examples are kept.
    """
    steps, losses = array("q"), array("d")
    scores, pooler = EvenlySpaced[tuple[int, float | None]](LOSS_POINTS), EvenlySpaced[tuple[int, float]](LOSS_POINTS)
    heat, logits = HeatMap(), None
    for record in records:
        step, kind = record["step"], record["kind"]
        if kind == "loss":
            steps.append(step)
            losses.append(record["loss"])
        elif kind == "evaluation":
            scores.add((step, record["scores"].get(metric or next(iter(record["scores"]), ""))))
            logits = record.get("logits dev", logits) if step == evaluated_step else logits
        elif kind == "pooler" and "saturated" in record:
            pooler.add((step, record["saturated"]))
        elif kind == "gradients":
            heat.add(record)
    content: dict[str, Any] = {}
    if losses:
        content["loss"] = _loss_curve(np.array(steps), np.array(losses))
    content |= {name: _points(found.items()) for name, found in (("score", scores), ("pooler", pooler)) if found.count}
    if drawn := heat.content():
        content["heat"] = drawn
    if logits is not None and task is not None:
        content["dev"] = predictions(logits, task, limits.examples)
    return content


def rounded(value: float | None, digits: int = 4) -> float | None:
    """``value`` in a few significant digits; None where it is not finite, which JSON has no number for."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def _points(pairs: Iterable[tuple[int, float | None]]) -> dict[str, list[Any]]:
    listed = list(pairs)
    return {"x": [int(step) for step, _ in listed], "y": [rounded(value) for _, value in listed]}


def _loss_curve(steps: NDArray[np.int64], losses: NDArray[np.float64]) -> dict[str, Any]:
    window = max(1, math.ceil(len(losses) / LOSS_POINTS))
    steps, means = windowed(steps, losses, window)
    return {"window": window} | _points(zip(steps.tolist(), means.tolist(), strict=True))


@functools.lru_cache(maxsize=64)
def _layer_rows(names: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The rows of the heat map, top layer first, and which tensors each gathers: (rows, tensors) of 0 and 1."""
    located = locate_all(names)
    layers = sorted({location.layer for location in located if location.layer is not None}, reverse=True)
    outside = ["classifier", "pooler"]
    labels = [kind for kind in outside if any(location.kind == kind for location in located)]
    keys: list[Any] = [*labels, *layers, "embeddings"]
    rows = np.zeros((len(keys), len(names)))
    for column, location in enumerate(located):
        key = location.layer if location.layer is not None else location.kind
        if location.part == "weight" and key in keys:
            rows[keys.index(key), column] = 1.0
    return tuple(str(key + 1) if isinstance(key, int) else key for key in keys), rows


class HeatMap:
    """Gradient norms of layers (all weights, no biases) against steps, gathered record by record."""

    def __init__(self) -> None:
        self._rows: tuple[tuple[str, ...], NDArray[np.float64]] | None = None
        self._looks: EvenlySpaced[tuple[int, NDArray[np.float64]]] = EvenlySpaced(HEAT_COLUMNS)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record of the probe: the names of the tensors, or their norms at a step."""
        if "names" in record:
            self._rows = _layer_rows(tuple(record["names"]))
        if "norms" not in record or self._rows is None:
            return
        norms, rows = np.asarray(record["norms"], np.float64), self._rows[1]
        places = [norms[row > 0] for row in rows]
        gathered = np.array([joint_norm(place) for place in places])
        self._looks.add((record["step"], gathered))

    def content(self) -> dict[str, Any] | None:
        """``x``: steps; ``rows``: names of the rows from the top, layers counted from 1; ``bytes``: base64 of the codes, row
        after row. None where nothing was recorded.
        """
        looks = self._looks.items()
        if self._rows is None or not looks:
            return None
        codes = encode(np.stack([norms for _, norms in looks], axis=1))
        return {
            "x": [int(step) for step, _ in looks],
            "rows": list(self._rows[0]),
            "bytes": base64.b64encode(codes.tobytes()).decode("ascii"),
        }


def encode(norms: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Norms as bytes: 2 to 254 for their logarithm from ``LOWEST`` to ``HIGHEST``, and three codes that are no numbers (NaN
    is a gradient that there is not)."""
    codes = np.full(norms.shape, NOT_FINITE, np.uint8)
    positive = np.isfinite(norms) & (norms > 0)
    fractions = (np.log10(norms[positive]) - LOWEST) / (HIGHEST - LOWEST)
    codes[positive] = 2 + np.clip(np.rint(252 * fractions), 0, 252).astype(np.uint8)
    codes[norms == 0] = ZERO
    codes[np.isnan(norms)] = MISSING
    return codes


def predictions(logits: Any, task: Task, examples: int = Limits.examples) -> dict[str, Any] | None:
    """What a run predicts on the development set: the whole table of confusion, and the first single ``examples`` as bytes, two
    for the class and one for its probability; of several labels an example their names."""
    logits = np.asarray(logits, np.float64)
    if len(logits) != len(task.dev):
        return None
    if not np.isfinite(logits).all():
        return {"finite": False}
    if not task.classes:
        return {"value": [rounded(value) for value in logits[:examples, 0].tolist()]}
    if task.kind == "multi-label":
        return {"several": joined_labels(task.predictions(logits[:examples]), task.classes)}
    predicted = logits.argmax(axis=1)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability = shifted.max(axis=1) / shifted.sum(axis=1)
    parts = (predicted % 256, predicted // 256, np.rint(255 * probability))
    singles = np.stack(parts, axis=1)[:examples].astype(np.uint8)
    content: dict[str, Any] = {"singles": base64.b64encode(singles.tobytes()).decode("ascii")}
    if (count := len(task.classes)) <= MOST_CLASSES:
        confusion = np.bincount(task.dev.labels * count + predicted, minlength=count * count)
        content["confusion"] = confusion.reshape(count, count).tolist()
    return content


def compact_task(task: Task, limits: Limits, *, texts: bool) -> dict[str, Any]:
    """The development set of a task, as far as the page shows it one by one, and what its training losses start from."""
    dev, shown = task.dev, slice(limits.examples)
    content: dict[str, Any] = {
        "classes": list(task.classes),
        "total": len(dev),
        "labels": joined_labels(dev.labels[shown], task.classes)
        if task.kind == "multi-label"
        else [rounded(float(label)) for label in dev.labels[shown]],
        "entropy": rounded(label_entropy(task.train.labels)) if task.classes else None,
        "variance": None if task.classes else rounded(float(np.var(task.train.labels))),
    }
    if texts:
        content["texts"] = [_cut(text, limits.characters) for text in dev.texts[shown]]
        if dev.pairs is not None:
            content["pairs"] = [_cut(text, limits.characters) for text in dev.pairs[shown]]
    return content


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
