"""The numbers that say how a run ended, from records made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedproof.execution.ending import Digest, describe_ending
from seedproof.tasks import Split, Task

LABELS = np.array([0, 1, 1, 1])
TASK = Task(
    name="t",
    train=Split(tuple("abcd"), None, LABELS),
    dev=Split(tuple("efgh"), None, LABELS),
    classes=("no", "yes"),
    metrics=("accuracy",),
)
ENTROPY = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))


def digest(losses, evaluations=()):
    """Records of a run: its losses, then evaluations as (step, probability of yes for each example)."""
    records = [{"step": step, "kind": "loss", "loss": loss} for step, loss in enumerate(losses, 1)]
    for step, probabilities in evaluations:
        yes = np.array(probabilities)
        records.append({"step": step, "kind": "evaluation", "logits dev": np.log(np.stack([1 - yes, yes], axis=1))})
    return Digest.of(records, None)


def test_the_reference_is_what_a_constant_prediction_can_reach():
    assert describe_ending(digest([1.0] * 20), TASK)["reference_loss"] == pytest.approx(ENTROPY)
    targets = Split(("a", "b"), None, np.array([0.0, 2.0]))
    regression = Task(name="r", train=targets, dev=targets, classes=(), metrics=("pearson",))
    assert describe_ending(digest([1.0] * 20), regression)["reference_loss"] == 1.0


def test_the_last_tenth_is_compared_with_the_one_before():
    found = describe_ending(digest([9.0] * 16 + [2.0, 4.0, 1.0, 3.0]), TASK)
    assert (found["earlier_loss"], found["last_loss"]) == (3.0, 2.0)
    assert found["loss_noise"] == pytest.approx(math.sqrt(2))  # two standard errors of 1
    assert math.isnan(describe_ending(digest([1.0] * 3), TASK)["last_loss"])


def test_the_development_loss_is_compared_example_by_example():
    found = describe_ending(
        digest([1.0] * 20, [(2, [0.1] * 4), (12, [0.5] * 4), (20, [0.5, 0.5, 0.5, 1 - 1e-9])]), TASK
    )
    assert found["dev_fall"] == pytest.approx(math.log(2) / 4)
    assert found["dev_fall_noise"] == pytest.approx(math.log(2) / 4)
    early = describe_ending(digest([1.0] * 20, [(9, [0.5] * 4), (20, [0.9] * 4)]), TASK)
    assert math.isnan(early["dev_fall"])  # the first half of training says nothing about its end


def test_equal_outputs_carry_no_information_and_the_bound_holds():
    """No set of labels lets a predictor be better than their entropy by more than its information."""
    assert describe_ending(digest([1.0] * 20, [(20, [0.9] * 4)]), TASK)["information"] == pytest.approx(0)
    yes = np.array([0.3, 0.9, 0.8, 0.7])
    found = describe_ending(digest([1.0] * 20, [(20, yes)]), TASK)["information"]
    loss = -np.log(np.where(LABELS == 1, yes, 1 - yes)).mean()
    assert 0 < ENTROPY - loss < found


def test_outputs_that_are_not_finite_say_nothing():
    found = describe_ending(digest([1.0] * 20, [(20, [math.nan] * 4)]), TASK)
    assert math.isnan(found["information"])
    assert math.isnan(found["dev_fall"])


def test_few_evaluations_are_kept():
    records = [{"step": step, "kind": "evaluation", "logits dev": np.zeros((4, 2))} for step in range(0, 60, 10)]
    assert list(Digest.of(records, 20).evaluations) == [20, 40, 50]
    assert Digest.of(records, 20).logits(20)["dev"].shape == (4, 2)
    assert Digest.of(records, None).logits(None) == {}
