"""Holding out a development set: a fifth of the rows, spread over the labels, with all copies of a text in one part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedproof.tasks.split import Split

HELD_OUT = 0.2
"""Fraction of the rows that becomes the development set where the user gives none."""

Labels = NDArray[np.int64] | NDArray[np.float64]


def hold_out(
    labels: Labels, seed: int, *, stratified: bool, copies: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Choose a fifth of the examples, spread over the labels.

    With classes (``stratified``), a fifth of each class is drawn, rounded to the nearest whole number, so a class of
    one or two examples stays in training. Otherwise the examples are ordered by target and one is drawn of every five.
    What is drawn are different texts: all copies of one go together, those of a text that would fill more than the
    fifth by itself into training, as long as the class has another text.

    Args:
        labels: class indices or targets, (n,).
        seed: of the draw.
        stratified: whether the labels are classes.
        copies: for each example the number of its text, from 0 in the order of their first examples, (n,); None where
            all differ. A text counts for the label of its first example, or for the mean of its targets.

    Returns:
        A mask (n,), true where an example is held out. It depends on the arguments only.
    """
    numbers = np.arange(len(labels)) if copies is None else copies
    sizes = np.bincount(numbers)
    if stratified:
        held = _by_class(labels[np.unique(numbers, return_index=True)[1]], sizes, seed)
    else:
        held = _by_target(np.bincount(numbers, weights=labels) / sizes, sizes, seed)
    return held[numbers]


def _by_class(labels: Labels, sizes: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Draw texts of each class, the examples of which are a fifth of the class's; bool (texts,)."""
    generator = np.random.Generator(np.random.PCG64(seed))
    held = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        drawn = generator.permutation(members)
        wanted = int(sizes[members].sum() * HELD_OUT + 0.5)
        for text in drawn:
            if sizes[text] <= wanted:
                held[text] = True
                wanted -= sizes[text]
        if not held[members].any() and len(members) > 2:  # every text has more examples than a fifth
            held[drawn[np.argmin(sizes[drawn])]] = True
    return held


def _by_target(targets: NDArray[np.float64], sizes: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Draw one of every five texts in order of the target, but none with more than a fifth of the examples; (texts,)."""
    generator = np.random.Generator(np.random.PCG64(seed))
    held = np.zeros(len(targets), dtype=np.bool_)
    small = np.flatnonzero(sizes <= max(1, int(sizes.sum() * HELD_OUT)))
    order = small[np.argsort(targets[small], kind="stable")]
    block = round(1 / HELD_OUT)
    starts = np.arange(len(order) // block) * block
    held[order[starts + generator.integers(block, size=len(starts))]] = True
    return held


def numbered(split: Split) -> NDArray[np.int64]:
    """Number of each example's text (or pair), from 0 in the order of their first examples; copies share one, (n,)."""
    numbers: dict[Sequence[str], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys(split)], dtype=np.int64)


def keys(split: Split) -> list[tuple[str, ...]]:
    """Texts of each example as they are compared: two that differ in blanks only are copies."""
    parts = [split.texts] if split.pairs is None else [split.texts, split.pairs]
    return list(zip(*([" ".join(text.split()) for text in part] for part in parts), strict=True))
