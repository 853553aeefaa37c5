"""Tasks built by hand: checks, majority, scores and fingerprints."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.tasks import Split, Task


def make(**changes: Any) -> Task:
    """A small task of single texts and two classes."""
    values: dict[str, Any] = {
        "name": "small",
        "train": Split(("a", "b", "c"), None, np.array([0, 1, 1])),
        "dev": Split(("d", "e", "f", "g"), None, np.array([1, 1, 0, 1])),
        "classes": ("no", "yes"),
        "metrics": ("accuracy", "f1", "accuracy_f1", "matthews"),
    }
    return Task(**{**values, **changes})


def regression(targets: list[float] | None = None) -> Task:
    split = Split(("a", "b"), ("c", "d"), np.array(targets or [0.5, 1.5]))
    return Task(name="real", train=split, dev=split, classes=(), metrics=("pearson",))


def test_plain_lists_are_taken() -> None:
    """A task can be written down in Python without numpy; what is stored is immutable."""
    split = Split(["a", "b"], ["c", "d"], [0, 1])  # type: ignore[arg-type]
    assert (split.texts, split.pairs, len(split)) == (("a", "b"), ("c", "d"), 2)
    assert split.labels.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        split.labels[0] = 1


def test_labels_are_copied() -> None:
    """Changing the caller's array later must not change the task behind its fingerprint."""
    labels = np.array([0, 1])
    split = Split(("a", "b"), None, labels)
    labels[0] = 1
    assert split.labels.tolist() == [0, 1]


def test_properties() -> None:
    """Kind and number of outputs follow from the classes."""
    assert (make().kind, make().num_labels) == ("classification", 2)
    assert (regression().kind, regression().num_labels) == ("regression", 1)
    assert make().reference().dev_examples == 4


def test_majority_is_the_best_constant() -> None:
    """Three of four are class 1: accuracy 3/4, F1 of all-positive 6/7, Matthews 0."""
    majority = make().majority
    assert majority["accuracy"] == 0.75
    assert majority["f1"] == pytest.approx(6 / 7)
    assert majority["accuracy_f1"] == pytest.approx((3 / 4 + 6 / 7) / 2)
    assert majority["matthews"] == 0
    assert regression().majority == {"pearson": 0.0}


def test_majority_f1_where_most_are_negative() -> None:
    """The most frequent class scores F1 0, but a run that always says yes scores more and is still a failed one."""
    task = make(dev=Split(("d", "e", "f"), None, np.array([0, 0, 1])))
    assert task.majority["f1"] == pytest.approx(0.5)


def test_a_constant_run_scores_exactly_the_majority() -> None:
    """Failure is score <= majority, so the two must agree to the last bit."""
    logits = np.tile(np.array([[0.0, 1.0]], dtype=np.float32), (4, 1))
    assert make().score({"dev": logits}) == make().majority


def test_score_of_every_split() -> None:
    """Extra splits are scored under their own names, and only the splits that were evaluated."""
    task = make(metrics=("accuracy",), extra={"mismatched": Split(("x",), None, np.array([1]))})
    dev, extra = np.eye(2)[[1, 1, 0, 0]], np.eye(2)[[0]]
    assert task.score({"mismatched": extra, "dev": dev}) == {"accuracy": 0.75, "accuracy_mismatched": 0.0}
    assert task.score({"dev": dev}) == {"accuracy": 0.75}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_score_nan(bad: float) -> None:
    """argmax of NaN is a class, so without the check a diverged model would get a score."""
    logits = np.zeros((4, 2))
    logits[2, 0] = bad
    assert all(math.isnan(value) for value in make().score({"dev": logits}).values())
    assert math.isnan(regression().score({"dev": np.array([[bad], [1.0]])})["pearson"])


def test_regression_scores_its_single_output() -> None:
    assert regression().score({"dev": np.array([[2.0], [3.0]], dtype=np.float32)})["pearson"] == pytest.approx(1.0)


@pytest.mark.parametrize("outputs", [{"dev": np.zeros((4, 3))}, {"dev": np.zeros(4)}, {"test": np.zeros((4, 2))}])
def test_outputs_of_another_shape_are_a_bug(outputs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|splits"):
        make().score(outputs)


def test_fingerprint_is_stable() -> None:
    """A changed value means that every stored run would be taken for another: raise FINGERPRINT_VERSION instead."""
    assert make().fingerprint == "f994ee33d756d56996e80e7dd1c0b638222e4285163b706d4b2149dc5583bdff"


def test_fingerprint_ignores_names_and_notes() -> None:
    assert make(name="other", notes=("read twice",)).fingerprint == make().fingerprint


TRAIN = ("a", "b", "c")
CHANGES: list[dict[str, Any]] = [
    {"train": Split(("a", "b", "C"), None, [0, 1, 1])},  # type: ignore[arg-type]
    {"train": Split(("b", "a", "c"), None, [0, 1, 1])},  # type: ignore[arg-type]
    {"train": Split(TRAIN, None, [1, 0, 1])},  # type: ignore[arg-type]
    {"train": Split(("ab", "", "c"), None, [0, 1, 1])},  # type: ignore[arg-type]
    {"classes": ("yes", "no")},
    {"metrics": ("f1", "accuracy", "accuracy_f1", "matthews")},
    {"extra": {"more": Split(("x",), None, [1])}},  # type: ignore[arg-type]
]


@pytest.mark.parametrize("change", CHANGES)
def test_fingerprint_changes_with_the_content(change: dict[str, Any]) -> None:
    """A text, the order, a label, a border between texts, classes, metrics, splits."""
    assert make(**change).fingerprint != make().fingerprint


def test_fingerprint_tells_pairs_from_single_texts() -> None:
    """The same strings as pairs are another task."""
    single = make()
    pairs = make(
        train=Split(("a", "b", "c"), ("", "", ""), np.array([0, 1, 1])),
        dev=Split(("d", "e", "f", "g"), ("", "", "", ""), np.array([1, 1, 0, 1])),
    )
    assert single.fingerprint != pairs.fingerprint


BAD_TASKS: list[tuple[dict[str, Any], str]] = [
    ({"train": Split((), None, np.array([], dtype=np.int64))}, "split 'train' is empty"),
    ({"dev": Split((), None, np.array([]))}, "split 'dev' is empty"),
    ({"train": Split(TRAIN, None, np.array([1, 1, 1]))}, "training set: all 3 examples have the single class 'yes'"),
    ({"dev": Split(("a", "b"), None, np.array([0, 0]))}, "development set: all 2 examples have the single class 'no'"),
    ({"train": Split(TRAIN, None, np.array([0, 1, 2]))}, "label 2 of example 2 is not one of 0 to 1"),
    ({"train": Split(TRAIN, None, np.array([0, 1, -1]))}, "label -1 of example 2"),
    ({"train": Split(TRAIN, None, np.array([0.0, 1.0, 1.0]))}, "integer class indices"),
    ({"dev": Split(("a", "b"), ("c", "d"), np.array([0, 1]))}, "either all splits have pairs"),
    ({"classes": ("a", "a")}, "classes must differ"),
    ({"classes": "ab"}, "must be a list"),
    ({"classes": ("a", "b", "c")}, "F1 is defined for two classes"),
    ({"metrics": ()}, "at least one metric"),
    ({"metrics": ("acuracy",)}, "unknown metric 'acuracy' in task 'small'; did you mean 'accuracy'"),
    ({"metrics": ("pearson",)}, "'pearson' does not fit classification"),
    ({"classes": ()}, "'accuracy' does not fit regression"),
    ({"extra": {"dev": Split(("x",), None, np.array([1]))}}, "'dev' cannot name an extra split"),
    ({"extra": {"../up": Split(("x",), None, np.array([1]))}}, "cannot name an extra split"),
]


@pytest.mark.parametrize(("change", "message"), BAD_TASKS)
def test_bad_tasks_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        make(**change)


BAD_SPLITS: list[tuple[Any, Any, Any, str]] = [
    (("a", 5), None, [0, 1], "example 1 is 5 (int), not a string"),
    (("a", None), None, [0, 1], "example 1 is None"),
    ("ab", None, [0, 1], "must be a list of strings"),
    (("a", "b\ud800"), None, [0, 1], "example 1 has a lone surrogate at character 1"),
    (("a", "b"), ("c",), [0, 1], "as many pairs as texts, found 1 and 2"),
    (("a", "b"), None, [0], "as many labels as texts, found 1 and 2"),
    (("a", "b"), None, ["no", "yes"], "list of numbers"),
    (("a", "b"), None, [[0], [1]], "list of numbers"),
]


@pytest.mark.parametrize(("texts", "pairs", "labels", "message"), BAD_SPLITS)
def test_bad_splits_are_refused(texts: Any, pairs: Any, labels: Any, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        Split(texts, pairs, labels)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_targets_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(UserError, match="of example 1 is not finite"):
        regression([0.5, bad])


def test_a_constant_target_is_refused() -> None:
    with pytest.raises(UserError, match=r"single target 2\.5"):
        regression([2.5, 2.5])


def test_class_indices_are_no_regression_targets() -> None:
    split = Split(("a", "b"), None, np.array([0, 1]))
    with pytest.raises(UserError, match="must be floats"):
        Task(name="real", train=split, dev=split, classes=(), metrics=("pearson",))
