"""The held-out fifth keeps all copies of a text in one part, and is what it always was where there are none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.tasks import Split
from seedproof.tasks.holding_out import hold_out, numbered

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
