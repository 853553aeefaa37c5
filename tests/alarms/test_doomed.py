"""The doomed-run detector: its symptoms have no unit, and what it says follows from its table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from seedproof.alarms import Doomed, Signals, Validation
from seedproof.alarms.doomed import FRACTIONS, Decision, Fit, symptoms_of

NAMES = [
    *(f"bert.encoder.layer.{layer}.attention.self.query.weight" for layer in range(2)),
    *("classifier.weight", "classifier.bias"),
]
BY_RATIO = Fit(decisions=(Decision(intercept=0.0, learned=0.0, vanished=-1.0),) * len(FRACTIONS), threshold=0.9)


def run(*, loss=0.7, ratio=1e-3, steps=189, reference=0.7, every=10, scale=1.0, names=NAMES):
    """The signals of a run whose loss, and ratio of lower to upper gradient norms, stay as they are."""
    norms = scale * np.array([ratio, 1.0, 1.0, 5.0])
    return [
        Signals(
            step=step,
            steps=steps,
            loss=loss,
            reference_loss=reference,
            names=names,
            norms=norms if step == 1 or step % every == 0 else None,
        )
        for step in range(1, steps + 1)
    ]


def alarm(rule, signals):
    return next(((each.step, why) for each in signals if (why := rule.see(each)) is not None), None)


@pytest.mark.parametrize(("steps", "expected"), [(189, [40, 60, 80, 100, 120]), (1260, [260, 380, 510, 630, 760])])
def test_it_decides_at_the_first_look_behind_each_fraction(steps, expected):
    found = list(symptoms_of(run(steps=steps)))
    assert [each.step for each in found] == expected
    assert [each.decision for each in found] == [0, 1, 2, 3, 4]
    assert [(each.learned, each.vanished) for each in found] == [pytest.approx((0.0, -3.0))] * 5


def test_symptoms_have_no_unit_and_need_no_more_than_the_default_recordings():
    found = list(symptoms_of(run(loss=0.35)))
    assert list(symptoms_of(run(loss=3.5, reference=7.0, scale=64.0))) == found
    assert list(symptoms_of(run(loss=0.35, every=1))) == found
    assert found[0].learned == pytest.approx(0.5)


def test_the_window_is_a_tenth_of_the_training_and_at_least_20_steps():
    falling = [replace(each, loss=each.step / 100) for each in run(reference=1.0)]
    assert next(symptoms_of(falling)).learned == pytest.approx(1 - np.arange(21, 41).mean() / 100)
    longer = [replace(each, loss=each.step / 1000) for each in run(reference=1.0, steps=1000)]
    assert next(symptoms_of(longer)).learned == pytest.approx(1 - np.arange(101, 201).mean() / 1000)


def test_a_loss_above_that_of_a_constant_prediction_has_learned_no_less_than_nothing():
    assert {each.learned for each in symptoms_of(run(loss=0.9))} == {0.0}


@pytest.mark.parametrize(("ratio", "expected"), [(1e-3, 40), (1e-2, None)])
def test_the_alarm_is_where_the_probability_reaches_the_threshold(ratio, expected):
    found = alarm(Doomed(fit=BY_RATIO), run(ratio=ratio))  # 1 / (1 + e^-3) = .95, 1 / (1 + e^-2) = .88
    assert (found and found[0]) == expected
    if found:
        assert "95% likely to fail at step 40 of 189" in found[1]
        assert "1.0e-03 of the classifier's" in found[1]


@pytest.mark.parametrize(
    "signals",
    [run(names=["a", "b", "c", "d"]), run(reference=0.0), run(steps=18), run(every=1000)],
    ids=["unknown layers", "labels alike", "too short", "no gradients"],
)
def test_it_says_nothing_where_there_is_nothing_to_go_by(signals):
    assert alarm(Doomed(fit=BY_RATIO), signals) is None


def test_a_loss_that_is_not_finite_is_an_alarm_at_once():
    assert Doomed().see(replace(run()[0], loss=math.nan)) == "its loss is nan at step 1"


def test_what_is_shipped_names_a_dead_run_and_not_one_that_learns():
    assert alarm(Doomed(), run(ratio=1e-6))[0] == 40
    assert alarm(Doomed(), run(loss=0.4, ratio=1e-2)) is None


def test_it_stops_only_with_the_probability_whose_false_alarms_were_measured():
    measured = replace(BY_RATIO, validation=Validation(successful=400, false_alarms=0, upper=0.0092, models={"known"}))
    assert Doomed(fit=measured).may_stop("known")
    assert not Doomed(0.5, fit=measured).may_stop("known")
    assert not Doomed(fit=BY_RATIO).may_stop("known")


def test_frozen_layers_have_not_vanished():
    """No gradient is no small gradient: nothing is said while they are frozen, and again once they have thawed."""
    assert list(symptoms_of(run(ratio=math.nan))) == []
    assert alarm(Doomed(), run(ratio=math.nan)) is None
    thawing = [*run(ratio=math.nan)[:100], *run(ratio=1e-3)[100:]]
    assert [each.step for each in symptoms_of(thawing)] == [120]
