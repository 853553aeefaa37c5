"""An alarm may stop a run only where its false alarms were measured, and are few."""

from __future__ import annotations

import pytest

from seedproof.alarms import Alarm, Validation


class Never(Alarm):
    def __init__(self, validation):
        self.validation = validation

    def see(self, signals):
        return None


@pytest.mark.parametrize(
    ("upper", "model", "may"),
    [(0.01, "known", True), (0.011, "known", False), (0.01, "other", False), (None, "known", False)],
)
def test_it_stops_only_runs_of_models_on_which_its_false_alarms_were_measured_to_be_few(upper, model, may):
    models = frozenset({"known"})
    found = None if upper is None else Validation(successful=400, false_alarms=0, upper=upper, models=models)
    assert Never(found).may_stop(model) is may
