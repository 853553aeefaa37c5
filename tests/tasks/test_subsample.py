"""Sub-samples: that many examples, drawn from the whole, the same for the same seed, and named for what they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.tasks import Split, Task
from seedproof.tasks.subsample import read_sample_name, subsample

DEV = Split(["a", "b"], ["c", "d"], [0, 1])


def make(labels: list[int]) -> Task:
    """A task whose texts are all different and whose pairs belong to them."""
    train = Split([f"t{i}" for i in range(len(labels))], [f"p{i}" for i in range(len(labels))], labels)
    return Task(name="some/task", train=train, dev=DEV, classes=("no", "yes"), metrics=("accuracy",))


labellings = st.lists(st.integers(0, 1), min_size=2, max_size=60).map(lambda labels: [0, 1, 0, 1, *labels])


def drawn(task: Task, examples: int, **options: object) -> Task | None:
    """The sub-sample, or None where the draw has one label only, which is refused as for every task."""
    try:
        return subsample(task, examples, **options)
    except UserError as error:
        if "at least two different labels" in str(error):
            return None
        raise


@given(labels=labellings, seed=st.integers(0, 2**63 - 1), data=st.data(), stratified=st.booleans())
def test_a_sub_sample_is_a_part_of_the_whole_with_texts_pairs_and_labels_together(labels, seed, data, stratified):
    task, examples = make(labels), data.draw(st.integers(1, len(labels)))
    part = drawn(task, examples, seed=seed, stratified=stratified)
    if part is None:
        return
    kept = [int(text[1:]) for text in part.train.texts]
    assert len(kept) == examples
    assert kept == sorted(set(kept))
    assert part.train.pairs == tuple(f"p{index}" for index in kept)
    assert part.train.labels.tolist() == [labels[index] for index in kept]
    assert part.dev is task.dev
    assert subsample(task, examples, seed=seed, stratified=stratified).fingerprint == part.fingerprint
    assert (part.fingerprint == task.fingerprint) == (examples == len(labels))


@given(labels=labellings, seed=st.integers(0, 1000), data=st.data())
def test_smaller_ones_are_inside_larger_ones_of_the_same_seed(labels, seed, data):
    task, larger = make(labels), data.draw(st.integers(2, len(labels)))
    few, many = (drawn(task, count, seed=seed) for count in (data.draw(st.integers(1, larger)), larger))
    if few is not None and many is not None:
        assert set(few.train.texts) <= set(many.train.texts)


@given(labels=labellings, data=st.data())
def test_a_stratified_one_keeps_the_shares_to_less_than_one_example(labels, data):
    examples = data.draw(st.integers(2, len(labels)))
    part = drawn(make(labels), examples, stratified=True)
    if part is not None:
        exact = np.bincount(labels) * examples / len(labels)
        assert np.all(np.abs(np.bincount(part.train.labels, minlength=2) - exact) < 1)


def test_seeds_draw_differently_and_the_draw_never_changes():
    task = make([0, 1] * 20)
    assert subsample(task, 6, seed=1).fingerprint != subsample(task, 6, seed=2).fingerprint
    # Written down once: another numpy, machine or order of the code must give the same examples.
    assert subsample(task, 6, seed=0).train.texts == EXPECTED


EXPECTED = ("t4", "t8", "t15", "t19", "t25", "t38")


def test_the_name_says_what_it_is_and_can_be_read_back():
    part = subsample(make([0, 1] * 20), 6, seed=3)
    assert part.name == "some/task[6 of 40, seed 3]"
    assert read_sample_name(part.name) == ("some/task", 6, 40, 3)
    assert read_sample_name("some/task") is None
    assert "6 of 40" in part.notes[-1]


@pytest.mark.parametrize("examples", [0, 41, -1, 2.0, True])
def test_a_number_that_cannot_be_drawn_is_refused_with_what_can(examples):
    with pytest.raises(UserError, match="1 to 40"):
        subsample(make([0, 1] * 20), examples)


def test_bad_seeds_and_classes_that_are_not_there_are_refused():
    with pytest.raises(UserError, match="seed -1"):
        subsample(make([0, 1] * 20), 6, seed=-1)
    scores = Split(["a", "b", "c"], None, [0.5, 1.5, 2.0])
    regression = Task(name="scores", train=scores, dev=scores, classes=(), metrics=("pearson",))
    with pytest.raises(UserError, match="no classes"):
        subsample(regression, 2, stratified=True)
    assert len(subsample(regression, 2).train) == 2
