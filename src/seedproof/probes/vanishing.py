"""Whether the gradients of a run's lower layers vanished for good: what :mod:`seedproof.analysis.gradients` looks at, and a fall.

It is noted when a run ends, so that a summary of thousands of runs need not read their journals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.models.layers import JOINED, Location, locate_all

WEIGHTS = ("query", "key", "value", JOINED, "attention output", "intermediate", "output")
"""The kinds of weight inside a layer that the paper draws; some models have one matrix for query, key and value."""
ATTENTION = ("query", "key")
"""Those whose gradients vanish first: in ALBERT's shared layer the others keep theirs, and a median over all hides it."""
THRESHOLD = 0.01
"""Ratio of gradient norms below which gradients have vanished.

In the trial on the miniature the query gradients of failed runs fell to 1/3,000 of the classifier's and stayed; those of
successful runs stayed between 1/300 and 1/3 of it, the lowest layers at the small end. The median weight of the lower half
is far from 1/100 in both. On ``miniature/answer``, seeds 1000 to 1005, 3 epochs: the six failed runs fell under it for
good at steps 20 to 60 of 189, the six successful ones (bias correction on) never; .003 and .03 part them as well."""
FALL = 10
"""How far gradients must have come down from their highest look: a run at a tiny learning rate hovers about the threshold."""
LOWER = 0.5
"""The lowest half of the layers."""


def have_vanished(fractions: Sequence[float | None]) -> bool | None:
    """Whether the gradients of the lower layers fell under ``THRESHOLD`` of the classifier's and stayed there.

    A run of a few steps, or a model whose lower layers always have small gradients, has lost nothing: the last two looks
    must be under the threshold, and one before them not, and :data:`FALL` times as large. Not the first: through a head just
    drawn little comes down, so a run may begin under the threshold, rise above it, and vanish then.

    Args:
        fractions: :func:`attention_fraction` at every look, in order.

    Returns:
        None where there are fewer than three looks, the model's layers and classifier are not known by their names, or no
        look tells a fraction, as of a run whose lower layers stay frozen.
    """
    known = [fraction for fraction in fractions if fraction is not None]
    if len(known) < 3 or len(known) < len(fractions) or all(map(math.isnan, known)):
        return None
    highest, last = max((each for each in known[:-2] if not math.isnan(each)), default=0.0), known[-2:]
    return highest >= THRESHOLD and all(each < min(THRESHOLD, highest / FALL) for each in last)


def lower_fraction(
    names: Sequence[str], norms: NDArray[np.floating[Any]], kinds: Sequence[str] = WEIGHTS
) -> float | None:
    """The median norm of the lower layers' weights as a fraction of the classifier's.

    Args:
        names: of the tensors.
        norms: of their gradients, (tensors,); NaN where a tensor has none.
        kinds: of weight that count.

    Returns:
        NaN, which is not under any threshold, where the classifier's norm is 0, or one of those weights has no gradient:
        layers that are frozen have not vanished, and the others are not all of the lower half. None where there is no such
        weight.
    """
    lower, top = _norms(names, norms, kinds)
    return None if lower is None or top is None else lower / top if top else math.nan


def attention_fraction(names: Sequence[str], norms: NDArray[np.floating[Any]]) -> float | None:
    """:func:`lower_fraction` of queries and keys, or of the one matrix that some models have for query, key and value."""
    found = lower_fraction(names, norms, ATTENTION)
    return lower_fraction(names, norms, (JOINED,)) if found is None else found


@lru_cache(maxsize=16)
def _located(names: tuple[str, ...]) -> Sequence[Location]:
    """Where the tensors sit; the runs of a study have the same few models."""
    return tuple(locate_all(names))


def _norms(
    names: Sequence[str], norms: NDArray[np.floating[Any]], kinds: Sequence[str]
) -> tuple[float | None, float | None]:
    """The median norm of the lower layers' weights, and that of the classifier's; None where there is no such weight."""
    squares: dict[tuple[int | None, str], float] = {}
    for location, norm in zip(_located(tuple(names)), norms, strict=True):
        if location.part == "weight":
            squares[location.layer, location.kind] = (
                squares.get((location.layer, location.kind), 0.0) + float(norm) ** 2
            )
    layers = 1 + max((layer for layer, _ in squares if layer is not None), default=-1)
    count = max(1, math.floor(LOWER * layers + 1e-9))
    inside = [
        square for (layer, kind), square in squares.items() if layer is not None and layer < count and kind in kinds
    ]
    top = squares.get((None, "classifier"))
    return (float(np.median(np.sqrt(inside))) if inside else None), (None if top is None else math.sqrt(top))
