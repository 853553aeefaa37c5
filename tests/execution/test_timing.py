"""What a study will take is counted from steps that were really timed."""

from __future__ import annotations

import pytest

from seedproof.execution import timing
from seedproof.execution.recording import Recording
from seedproof.recipes import recipe
from seedproof.spec import Numerics
from seedproof.study.study import Study


@pytest.fixture
def planned(tiny_model, small_task):
    study = Study("s", tasks=[small_task], models=[tiny_model], recipes=["devlin", recipe("devlin", epochs=6)], seeds=2)
    return study.plan(Numerics())


def estimate(planned, monkeypatch, **recording):
    timed = timing.Timed(seconds=0.5, steps=8, parameters=1_000, tensors=10)
    monkeypatch.setattr(timing, "time_steps", lambda *_: timed)
    specs = [run.spec for run in planned.runs]
    return timing.estimate_runs(specs, planned.tasks, planned.sources, Recording(**recording))


def test_steps_and_evaluations_of_every_run_are_counted(planned, monkeypatch):
    """Forty examples in batches of 16 are 3 steps an epoch; the thirty of the development set are 2 batches."""
    found = estimate(planned, monkeypatch)
    per_run = [2 + 0.5 * (3 * epochs + epochs * 2 / 3) for epochs in (3, 6)]
    assert found.seconds == pytest.approx(2 * sum(per_run))
    assert len(found.timed) == 1  # two recipes, one kind of step


def test_kept_weights_are_counted(planned, monkeypatch):
    without, with_weights = (estimate(planned, monkeypatch, weights=kept).disk_bytes for kept in (False, True))
    assert with_weights - without == 4 * 4 * 1_000


def test_real_steps_are_timed(planned, monkeypatch):
    monkeypatch.setattr(timing, "SECONDS", 0.0)
    timed = timing.time_steps(planned.runs[0].spec, planned.tasks[0], planned.sources[0])
    assert (timed.seconds > 0, timed.steps) == (True, 1)
    assert timed.parameters > 1_000


def test_what_is_recorded_of_the_first_steps_is_counted(planned, monkeypatch):
    """Runs of 9 and 18 steps, two of each; two bytes a norm of ten tensors, as base64."""
    recorded = [dict[str, int](), {"early": 1}, {"early": 9}]
    without, every, seldom = (estimate(planned, monkeypatch, probes=probes).disk_bytes for probes in recorded)
    assert every - without == pytest.approx(2 * (9 + 18) * 10 * 2 * 4 / 3)
    assert seldom - without == pytest.approx(2 * (1 + 2) * 10 * 2 * 4 / 3)
