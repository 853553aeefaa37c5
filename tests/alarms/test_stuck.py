"""The simple rule that warns of a doomed run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedproof.connect import Signals, Stuck

NAMES = ["bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.1.output.dense.weight", "classifier.weight"]


def alarms(rule, losses, lower, steps=200):
    found = []
    for step, loss in enumerate(losses, start=1):
        norms = np.array([lower, 1.0, 1.0]) if step == 1 or step % 10 == 0 else None
        signals = Signals(step=step, steps=steps, loss=loss, reference_loss=0.69, names=NAMES, norms=norms)
        if (why := rule.see(signals)) is not None:
            found.append((step, why))
    return found


@pytest.mark.parametrize(
    ("loss", "lower", "first"),
    [(0.69, 1e-3, 50), (0.69, 0.1, None), (0.5, 1e-3, None), (0.69, math.nan, None)],
    ids=["stuck", "alive", "learns", "frozen"],
)
def test_it_needs_vanished_gradients_and_a_loss_at_the_label_entropy(loss, lower, first):
    found = alarms(Stuck(), [loss] * 80, lower)
    assert (found[0][0] if found else None) == first
    if found:
        assert "1.0e-03 of the classifier's" in found[0][1]


def test_it_says_nothing_before_a_tenth_of_the_training():
    assert alarms(Stuck(), [0.69] * 99, 1e-3, steps=1000) == []
    assert alarms(Stuck(), [0.69] * 101, 1e-3, steps=1000)[0][0] == 100
    assert alarms(Stuck(after=60), [0.69] * 101, 1e-3, steps=1000)[0][0] == 60


def test_a_loss_that_is_not_finite_is_an_alarm_at_once():
    assert alarms(Stuck(), [0.5, math.nan], 0.1) == [(2, "its loss is nan at step 2")]


def test_what_is_frozen_elsewhere_does_not_hide_that_it_is_stuck():
    """Embeddings that stay frozen have no gradient at any step."""
    rule, found = Stuck(), []
    for step in range(1, 81):
        norms = np.array([1e-3, 1.0, 1.0, math.nan])
        names = [*NAMES, "bert.embeddings.word_embeddings.weight"]
        found.append(rule.see(Signals(step=step, steps=80, loss=0.69, reference_loss=0.69, names=names, norms=norms)))
    assert found[-1] is not None
