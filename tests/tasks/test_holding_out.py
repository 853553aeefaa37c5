"""The held-out fifth keeps all copies of a text in one part, and is what it always was where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from seedproof.errors import UserError
from seedproof.tasks import Split
from seedproof.tasks.holding_out import divide, hold_out, hold_out_groups, numbered

rows = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=60)


@settings(deadline=None)
@given(rows, st.booleans(), st.integers(0, 3))
def test_no_text_is_in_both_parts(pairs: list[tuple[int, int]], stratified: bool, seed: int) -> None:
    """Whatever labels its copies have."""
    split = Split([f"text {text}" for text, _ in pairs], None, [label for _, label in pairs])
    copies = numbered(split)
    mask = hold_out(split.labels, seed, stratified=stratified, copies=copies)
    assert not set(copies[mask]) & set(copies[~mask])


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.booleans(), st.integers(0, 3))
def test_rows_without_copies_are_drawn_as_if_nobody_looked_for_any(
    labels: list[int], stratified: bool, seed: int
) -> None:
    values = np.array(labels)
    mask = hold_out(values, seed, stratified=stratified)
    assert (mask == hold_out(values, seed, stratified=stratified, copies=np.arange(len(labels)))).all()


def test_a_fifth_of_the_rows_is_held_out_whatever_their_copies() -> None:
    """Twenty copies each of ten texts, and a text that is half of all rows, which stays in training."""
    copies = np.repeat(np.arange(10), 20)
    labels = copies % 2
    assert hold_out(labels, 0, stratified=True, copies=copies).sum() == 40
    assert hold_out(labels * 1.5, 0, stratified=False, copies=copies).sum() == 40
    copies = np.concatenate([np.zeros(50, dtype=np.int64), np.arange(1, 51)])
    for stratified in (True, False):
        mask = hold_out(np.zeros(100), 0, stratified=stratified, copies=copies)
        assert not mask[:50].any()
        assert 10 <= mask.sum() <= 20


def test_copies_are_texts_that_differ_in_blanks_only() -> None:
    texts, pairs = ["a b", "a  b ", "a b", "A b"], ["x", "x", "y", "x"]
    assert numbered(Split(texts, None, [0, 1, 0, 1])).tolist() == [0, 0, 0, 1]
    assert numbered(Split(texts, pairs, [0, 1, 0, 1])).tolist() == [0, 0, 1, 2]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=1, max_size=60), st.integers(0, 3))
def test_no_group_is_in_both_parts_and_no_class_leaves_training(pairs: list[tuple[int, int]], seed: int) -> None:
    groups, labels = (np.array(each) for each in zip(*pairs, strict=True))
    groups = np.unique(groups, return_inverse=True)[1]
    held = hold_out_groups(labels, groups, seed)
    assert not set(groups[held]) & set(groups[~held])
    assert set(labels) == set(labels[~held])


def test_groups_keep_the_fractions_of_the_classes() -> None:
    """Forty groups of five, the classes in them as nine to one: 38 to 42 of 200 rows, near a fifth of both."""
    labels = (np.arange(200) % 10 == 0).astype(np.int64)
    for seed in range(5):
        held = hold_out_groups(labels, np.arange(200) // 5, seed)
        assert 36 <= held.sum() <= 44
        assert 3 <= labels[held].sum() <= 5
    assert np.flatnonzero(hold_out_groups(labels[:50], np.arange(50) // 5, 0))[::5].tolist() == PINNED


PINNED = [20, 25]


def of_groups(groups: list[str], texts: list[str] | None = None, labels: list[int] | None = None) -> Split:
    rows = range(len(groups))
    texts = texts or [f"text {row}" for row in rows]
    return Split(texts, None, labels or [row % 2 for row in rows], groups=groups)


def test_groups_with_a_text_in_common_are_in_one_part_unless_all_hang_together() -> None:
    groups = [f"g{row // 2}" for row in range(40)]
    shared = [f"text {row // 4 if row % 4 in (1, 2) else f'{row} own'}" for row in range(40)]
    found = divide(of_groups(groups, shared), "classification", 0)
    parts = {
        text: {bool(held) for held, each in zip(found.held, shared, strict=True) if each == text} for text in shared
    }
    assert all(len(part) == 1 for part in parts.values())
    found = divide(of_groups(groups, ["the same"] * 40), "classification", 0)
    assert 6 <= found.held.sum() <= 10
    assert found.note.endswith("no group is in both parts, but copies of a text may be, as they stand in many groups")


def test_groups_that_make_a_split_impossible() -> None:
    for groups, message in [
        (["d"] * 10, "all 10 rows are in the group 'd'"),
        (["d", "e"] * 5, "the 10 rows are in 2 groups, the largest, 'd', with 5 rows"),
    ]:
        with pytest.raises(UserError, match=rf"t.csv: {message}, which cannot be divided"):
            divide(of_groups(groups), "classification", 0, where="t.csv")


def test_a_regression_has_groups_too() -> None:
    split = Split(
        [f"t{i}" for i in range(100)], None, np.linspace(0, 1, 100), groups=[f"g{i % 20}" for i in range(100)]
    )
    held = divide(split, "regression", 1).held
    assert 15 <= held.sum() <= 25
    assert abs(split.labels[held].mean() - 0.5) < 0.1


def test_another_fraction() -> None:
    split = Split([f"t{i}" for i in range(100)], None, [i % 2 for i in range(100)])
    assert divide(split, "classification", 0, fraction=0.5).held.sum() == 50


def test_groups_are_as_near_to_the_fractions_as_those_of_scikit_learn() -> None:
    """Over uneven groups with classes of their own, by the mean distance of the held-out fractions from a fifth."""
    ours, theirs = [], []
    for seed in range(10):
        generator = np.random.default_rng(seed)
        groups = np.unique(generator.zipf(1.6, 400) % 60, return_inverse=True)[1]
        labels = (generator.random(400) < np.where(groups % 3 == 0, 0.5, 0.1)).astype(np.int64)
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        mask = np.isin(np.arange(400), next(folds.split(labels, labels, groups))[1])
        for held, found in ((hold_out_groups(labels, groups, seed), ours), (mask, theirs)):
            found.append(np.abs(np.bincount(labels[held], minlength=2) / np.bincount(labels) - 0.2).mean())
    assert np.mean(ours) <= np.mean(theirs)


def test_held_out_rows_are_pinned() -> None:
    """Another choice would change the fingerprint of every task that was split before."""
    assert np.flatnonzero(hold_out(np.arange(20) % 2, 0, stratified=True)).tolist() == [5, 8, 12, 19]
    assert np.flatnonzero(hold_out(np.linspace(0, 1, 20), 0, stratified=False)).tolist() == [4, 8, 12, 16]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(0, 5))
def test_held_out_share_of_every_class(labels: list[int], seed: int) -> None:
    """A fifth of each class, rounded; never a whole class."""
    values = np.array(labels)
    mask = hold_out(values, seed, stratified=True)
    for label in np.unique(values):
        total, held = int((values == label).sum()), int(mask[values == label].sum())
        assert abs(held - total / 5) <= 0.5
        assert held < total


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=5, max_size=80), st.integers(0, 5))
def test_held_out_targets_cover_the_range(targets: list[float], seed: int) -> None:
    """One of every five in order of the target."""
    values = np.array(targets)
    mask = hold_out(values, seed, stratified=False)
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    assert sorted(ranks[mask] // 5) == list(range(len(values) // 5))
