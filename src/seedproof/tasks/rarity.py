"""What is said of rare classes: that there are hardly any examples, and which metric judges therefore."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.tasks.classes import shown
from seedproof.tasks.labels import Labels
from seedproof.tasks.split import Split

JUDGED_BY = "judged by "
"""Begins the note that says which metric was chosen, and why."""

SCARCE = 5
"""Examples of a class below which that is said."""
NAMED = 6
"""Classes that a note names."""


def scarce(train: Split, dev: Split, meaning: Labels) -> list[str]:
    """A warning of classes of which there are hardly any examples."""
    if not meaning.classes:
        return []
    counts = {}
    for index, name in enumerate(meaning.classes):
        of_it = [
            int((split.labels[:, index] if split.labels.ndim == 2 else split.labels == index).sum())
            for split in (train, dev)
        ]
        if sum(of_it) < SCARCE:
            counts[name] = " + ".join(map(str, of_it))
    if not counts:
        return []
    named = ", ".join(f"{shown(name)} {count}" for name, count in list(counts.items())[:NAMED])
    more = f" and {len(counts) - NAMED} more" if len(counts) > NAMED else ""
    what = "labels" if meaning.kind == "multi-label" else "classes"
    return [
        f"warning: {len(counts)} of {len(meaning.classes)} {what} have fewer than {SCARCE} examples (training + development: "
        f"{named}{more}): too few to learn them, or to say whether they were learned"
    ]


def why_matthews(labels: NDArray[Any], rare: str, fraction: float) -> str:
    """The note on the metric that judges where none was given: one class, a fraction of the development set, is rare."""
    constant = np.bincount(labels).max() / len(labels)
    return (
        f"{JUDGED_BY}Matthews correlation, because the class {rare!r} is rare ({fraction:.1%} of the development set): a "
        f"prediction that never changes has an accuracy of {constant:.3f}, but always a Matthews correlation of 0; give "
        "--metric accuracy to judge by accuracy"
    )
