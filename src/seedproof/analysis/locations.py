"""Numbers per parameter tensor, gathered by layer and kind of weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.models.layers import locate_all
from seedproof.probes.gradients import joint_norm

COLUMNS = ("step", "layer", "kind", "norm")


def by_location(records: Sequence[Mapping[str, Any]], name: str, total: str | None = None) -> pd.DataFrame:
    """Gather L2 norms of tensors into those of the weights of each layer and kind: the root of the sum of squares.

    Args:
        records: of one probe in order; one has the ``names`` of the tensors, the others a float array ``name`` (tensors,).
        name: of that array.
        total: of a number that stands for all tensors, recorded beside it.

    Returns:
        Columns ``COLUMNS``; biases are left out, ``layer`` is missing outside of the layers. A norm that is not finite
        makes its row so; of gradients (``norms``) NaN is one that there is not (:func:`~seedproof.probes.gradients.joint_norm`).
    """
    together = joint_norm if name == "norms" else joint_distance
    located = locate_all(next(record["names"] for record in records if "names" in record))
    groups: dict[tuple[int | None, str], list[int]] = {}
    for index, location in enumerate(located):
        if location.part == "weight":
            groups.setdefault((location.layer, location.kind), []).append(index)
    rows: list[tuple[int, int | None, str, float]] = []
    for record in records:
        if name in record:
            values = np.asarray(record[name], np.float64)
            rows += [(record["step"], *group, float(together(values[inside]))) for group, inside in groups.items()]
            rows += [(record["step"], None, "total", record[total])] if total else []
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"layer": "Int64"})


def joint_distance(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance over several tensors, (...,), from those of each, (..., tensors); not finite where one is not."""
    return np.asarray(np.linalg.norm(distances, axis=-1))
