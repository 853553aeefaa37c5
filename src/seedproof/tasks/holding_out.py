"""Holding out a development set: a fifth of the rows, spread over the labels, with all copies of a text in one part.

Where the examples belong to groups (:attr:`Split.groups`), every group is in one part, too. The draw is our own, and not
scikit-learn's ``StratifiedGroupKFold``, because the rows of a task are in its fingerprint: they must not follow the version of
a package (docs/decisions/README.md).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.split import Kind, Split

HELD_OUT = 0.2
"""Fraction of the rows that becomes the development set where the user gives none."""

Labels = NDArray[np.int64] | NDArray[np.float64]

STRATA = 5
"""Parts of equal size, by the target, over which the groups of a regression are spread."""


class Division(NamedTuple):
    """How examples were divided."""

    held: NDArray[np.bool_]
    """Whether an example is held out, (n,)."""
    note: str
    """The same in words."""


def divide(
    split: Split, kind: Kind, seed: int, *, fraction: float = HELD_OUT, together: bool = True, where: str = "the split"
) -> Division:
    """Hold out a fraction of the examples of a split, spread over the labels.

    All copies of a text are in one part, unless there are too few different texts for that (which is said), and so is every
    group. Examples with several labels are spread by the rarest label of each, those without any by that.

    Args:
        split: with groups or without.
        kind: of its task.
        seed: of the draw, at least 0.
        fraction: that is held out; of a regression one of every round(1 / fraction) examples.
        together: whether copies of a text go together.
        where: begins the message of an error.

    Raises:
        UserError: there are too few examples, texts or groups to divide so that both parts have different labels.
    """
    if seed < 0:
        raise UserError(f"split_seed must not be negative, found {seed}")
    labels, stratified = strata(split.labels), kind != "regression"
    rows = np.arange(len(split))
    texts = numbered(split) if together else rows
    if split.groups is not None:
        return _divide_groups(split, texts, labels, seed, fraction, stratified, where)
    for numbers in (texts, rows):  # each row for itself where there are too few different texts
        held = hold_out(labels, seed, stratified=stratified, copies=numbers, fraction=fraction)
        if held.any() and _varies(split.labels[held]):
            break
    else:
        classes = len(np.unique(labels)) if stratified else 0
        raise UserError(
            f"{where} has too few rows ({len(split)}{f' of {classes} classes' if classes > 2 else ''}) to hold out "
            f"{fraction:.0%} with different labels; give a development file, or another column as the label if this one is none"
        )
    note = f"development set: {held.sum()} of the {len(split)} rows, held out by label with split_seed={seed}"
    if kind == "multi-label":
        note = note.replace("by label", "by the rarest label of each")
    different = int(texts.max()) + 1
    if different < len(split):
        kept = (
            "all copies of a text are in one part"
            if numbers is texts
            else "too few to have all copies of one in one part"
        )
        note += f"; the rows have {different} different texts, {kept}"
    return Division(held, note)


def _divide_groups(
    split: Split, texts: NDArray[np.int64], labels: Labels, seed: int, fraction: float, stratified: bool, where: str
) -> Division:
    groups = np.unique(np.array(split.groups, dtype=object), return_inverse=True)[1]
    classes = (labels if stratified else _by_rank(labels)).astype(np.int64)
    joined = _joined(groups, texts)
    for units in (joined, groups):  # groups that share texts may all hang together
        held = hold_out_groups(classes, units, seed, fraction)
        if abs(held.mean() - fraction) <= fraction / 4:
            break
    count = int(groups.max()) + 1
    if not held.any() or not _varies(split.labels[held]) or not _varies(split.labels[~held]):
        name, rows = Counter(split.groups or ()).most_common(1)[0]
        raise UserError(
            f"{where}: {_in_groups(len(split), count, name, rows)}, which cannot be divided with no group in both parts and "
            "different labels in each; give a development file, or another column as the group"
        )
    drawn = len(np.unique(groups[held]))
    note = (
        f"development set: {held.sum()} of the {len(split)} rows, {drawn} of the {count} groups, held out by label with "
        f"split_seed={seed}; no group is in both parts"
    )
    if units is groups and joined.max() < groups.max():
        note += ", but copies of a text may be, as they stand in many groups"
    return Division(held, note)


def _in_groups(rows: int, count: int, largest: str, of_largest: int) -> str:
    if count == 1:
        return f"all {rows} rows are in the group {largest!r}"
    return f"the {rows} rows are in {count} groups, the largest, {largest!r}, with {of_largest} rows"


def hold_out_groups(
    labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int, fraction: float = HELD_OUT
) -> NDArray[np.bool_]:
    """Choose groups with a fraction of the examples of every class, as nearly as whole groups can.

    As scikit-learn's ``StratifiedGroupKFold``: groups in a drawn order, the largest first, each go into that of
    round(1 / fraction) parts which has fewest of its classes. Held out is the part nearest to what is wanted, by the chi-square
    distance, that leaves examples of every class in training.

    Args:
        labels: class of each example, (n,), from 0.
        groups: number of each example's group, (n,), from 0.
        seed: of the draw.
        fraction: that is wanted.

    Returns:
        A mask (n,), true where an example is held out; nowhere where no part can be.
    """
    counts = np.zeros((groups.max() + 1, labels.max() + 1))
    np.add.at(counts, (groups, labels), 1)
    totals = np.maximum(counts.sum(axis=0), 1)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    parts, part_of = np.zeros((max(2, round(1 / fraction)), counts.shape[1])), np.zeros(len(counts), np.int64)
    for group in order:
        has = parts @ (counts[group] / totals)
        part_of[group] = np.lexsort((parts.sum(axis=1), has))[0]
        parts[part_of[group]] += counts[group]
    distances = ((parts - fraction * totals) ** 2 / totals).sum(axis=1)
    possible = np.flatnonzero((parts < totals).all(axis=1) & parts.any(axis=1))
    if not len(possible):
        return np.zeros(len(labels), np.bool_)
    held: NDArray[np.bool_] = part_of[groups] == possible[np.argmin(distances[possible])]
    return held


def strata(labels: Labels) -> Labels:
    """What examples are spread by, (n,): their class or target; of several labels the rarest of each, or that it has none."""
    if labels.ndim == 1:
        return labels
    by_rarity = np.argsort(labels.sum(axis=0), kind="stable")
    rarest: NDArray[np.int64] = np.where(
        labels.any(axis=1), by_rarity[np.argmax(labels[:, by_rarity], axis=1)], labels.shape[1]
    )
    return rarest


def _by_rank(targets: Labels) -> NDArray[np.int64]:
    """Number of the part of equal size, by the target, that each example is in, (n,)."""
    ranks = np.argsort(np.argsort(targets, kind="stable"), kind="stable")
    return ranks * STRATA // len(targets)


def _joined(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of the smallest sets of examples that share no number of either kind with another set, (n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    shift = int(first.max()) + 1
    size = shift + int(second.max()) + 1
    links = coo_array((np.ones(len(first)), (first, second + shift)), shape=(size, size))
    numbers = connected_components(links, directed=False)[1][first]
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def _varies(labels: Labels) -> bool:
    return bool((labels != labels[0]).any())


def hold_out(
    labels: Labels, seed: int, *, stratified: bool, copies: NDArray[np.int64] | None = None, fraction: float = HELD_OUT
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
        fraction: that is held out; a fifth.

    Returns:
        A mask (n,), true where an example is held out. It depends on the arguments only.
    """
    numbers = np.arange(len(labels)) if copies is None else copies
    sizes = np.bincount(numbers)
    if stratified:
        held = _by_class(labels[np.unique(numbers, return_index=True)[1]], sizes, seed, fraction)
    else:
        held = _by_target(np.bincount(numbers, weights=labels) / sizes, sizes, seed, fraction)
    return held[numbers]


def _by_class(labels: Labels, sizes: NDArray[np.int64], seed: int, fraction: float) -> NDArray[np.bool_]:
    """Draw texts of each class, the examples of which are the fraction of the class's; bool (texts,)."""
    generator = np.random.Generator(np.random.PCG64(seed))
    held = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        drawn = generator.permutation(members)
        wanted = int(sizes[members].sum() * fraction + 0.5)
        for text in drawn:
            if sizes[text] <= wanted:
                held[text] = True
                wanted -= sizes[text]
        if not held[members].any() and len(members) > 2:  # every text has more examples than that
            held[drawn[np.argmin(sizes[drawn])]] = True
    return held


def _by_target(targets: NDArray[np.float64], sizes: NDArray[np.int64], seed: int, fraction: float) -> NDArray[np.bool_]:
    """Draw one of every few texts in order of the target, but none with more than the fraction of the examples; (texts,)."""
    generator = np.random.Generator(np.random.PCG64(seed))
    held = np.zeros(len(targets), dtype=np.bool_)
    small = np.flatnonzero(sizes <= max(1, int(sizes.sum() * fraction)))
    order = small[np.argsort(targets[small], kind="stable")]
    block = round(1 / fraction)
    starts = np.arange(len(order) // block) * block
    held[order[starts + generator.integers(block, size=len(starts))]] = True
    return held


def numbered(split: Split) -> NDArray[np.int64]:
    """Number of each example's text (or pair), from 0 in the order of their first examples; copies share one, (n,)."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys(split)], dtype=np.int64)


def keys(split: Split) -> Iterator[bytes]:
    """A hash of the texts of each example as they are compared: two that differ in blanks only are copies.

    Of 128 bits, so that a set of them takes little memory, and no two texts ever share one.
    """
    for index, text in enumerate(split.texts):
        first = " ".join(text.split()).encode()
        found = hashlib.blake2b(first, digest_size=16)
        if split.pairs is not None:
            second = " ".join(split.pairs[index].split()).encode()
            found.update(second + len(second).to_bytes(8, "little"))
        yield found.digest()
