"""The alarm of a watched run: it warns, and ends the training where it may."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.connect.made import Breaking, model, rows, watched

import seedproof as sp
from seedproof.alarms.doomed import FRACTIONS, Decision, Fit
from seedproof.connect import Alarm, Signals, StabilityCallback
from seedproof.errors import UserError
from seedproof.events import Crashed, Progress

TWO_LAYERS = [*(f"bert.encoder.layer.{layer}.attention.self.query.weight" for layer in range(2)), "classifier.weight"]


def test_an_alarm_is_told_once_and_recorded(tmp_path, caplog):
    class Early(Alarm):
        def see(self, signals):
            return f"it is step {signals.step}" if signals.step > 1 else None

    watched(tmp_path, options={"alarm": Early})
    assert caplog.text.count("looks doomed at step 2, because it is step 2") == 1
    results = sp.open_results(tmp_path / "store")
    records = results.records(results.runs()["run"][0])
    assert records.loc[records["kind"] == "alarm", "because"].tolist() == ["it is step 2"]


@pytest.mark.parametrize(("stop", "surest"), [(False, False), (True, True), ("validated", True)])
def test_what_ends_a_training_must_be_surer_than_what_warns(stop, surest):
    # .5 is enough for a warning, and not for the detector that stops
    doubtful = Fit(decisions=(Decision(intercept=0.1, learned=0.0, vanished=0.0),) * len(FRACTIONS), threshold=0.9)
    alarm = StabilityCallback("out", stop=stop)._alarm(fit=doubtful)
    signals = [
        Signals(step=step, steps=100, loss=1.0, reference_loss=1.0, names=TWO_LAYERS, norms=np.ones(3))
        for step in range(1, 101)
    ]
    assert all(alarm.see(each) is None for each in signals) is surest


class Second(Alarm):
    """Sounds at the second step."""

    def see(self, signals):
        return "it is step 2" if signals.step == 2 else None


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "steps"), [(False, 4), ("validated", 4), (True, 2)])
def test_an_alarm_ends_the_training_where_it_may(tmp_path, stop, steps):
    looks = sp.Recording(probes={"gradients": 1})  # an alarm is heard where something looks at a step
    made = watched(tmp_path, options={"alarm": Second, "stop": stop, "recording": looks})
    [row] = rows(tmp_path)
    assert (made.state.global_step, row["alarm_at"], row["alarm_because"]) == (steps, 2, "it is step 2")
    if stop is True:
        assert (row["state"], row["outcome"], row["reason"], row["stopped_at"]) == ("finished", "stopped", "alarm", 2)
    else:
        assert row["outcome"] != "stopped"


def test_what_stop_cannot_be_is_refused():
    with pytest.raises(UserError, match="stop = 'now' is not valid"):
        StabilityCallback("out", stop="now")


class Diverging(Breaking):
    """Its loss is no number from one step on."""

    def forward(self, *args, **kwargs):
        output = super().forward(*args, **kwargs)
        if self.training and self.calls > self.breaks_at:
            output.loss = output.loss * math.nan
        return output


@pytest.mark.parametrize(("stop", "steps"), [(True, 10), ("validated", 12)])
def test_a_training_whose_loss_is_not_finite_ends_where_an_alarm_may_end_it(tmp_path, stop, steps):
    """Its run has failed, as one that an engine ends: no rule has stopped it."""
    broken = model(Diverging)
    broken.breaks_at = 3
    made = watched(tmp_path, broken, max_steps=12, options={"stop": stop})
    [row] = rows(tmp_path)
    assert made.state.global_step == steps  # the next at which something looks
    assert (row["state"], row["outcome"], row["reason"], row["diverged_at"]) == ("finished", "failed", "diverged", 3)


def test_an_alarm_that_cannot_be_made_leaves_no_run_held(tmp_path):
    """The corrected call in the same process would be refused."""

    def broken():
        raise ZeroDivisionError("in a rule")

    with pytest.raises(ZeroDivisionError):
        watched(tmp_path, options={"alarm": broken})
    assert rows(tmp_path)[0]["state"] == "crashed"
    watched(tmp_path)
    assert rows(tmp_path)[0]["state"] == "finished"


def test_a_listener_that_fails_ends_the_recording_alone(tmp_path, caplog):
    def failing(event):
        if isinstance(event, Crashed) or (isinstance(event, Progress) and event.step > 0):
            raise ZeroDivisionError("in a listener")

    made = watched(tmp_path, options={"listeners": [failing]})
    assert made.state.global_step == 4
    assert "not recorded any further: ZeroDivisionError: in a listener" in caplog.text
