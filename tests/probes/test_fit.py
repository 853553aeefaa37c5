"""The training loss at the end without dropout: what it is, in both engines, and what it decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.engines import make_engine, records
from tests.fleets import make_fleet, make_run

from seedproof.analysis.endings import kind_of
from seedproof.training.engine import mean_loss

FIT = {"fit": 1}


def recorded(found):
    return [(record.step, record.values["loss"]) for record in found if record.kind == "fit"]


def test_it_is_the_models_own_loss_over_the_training_set(tiny_model, small_task):
    """Of the last weights, once, whatever is evaluated on the way; the other records are those without it."""
    engine = make_engine(tiny_model, small_task, max_steps=3, evaluations=3, probes=FIT)
    found = records(engine)
    train = engine._data.train
    with torch.no_grad():
        expected = engine.model.eval()(**train.batch(range(len(train)), torch.device("cpu"))).loss.item()
    assert recorded(found) == [(3, pytest.approx(expected, rel=1e-5))]
    plain = records(make_engine(tiny_model, small_task, max_steps=3, evaluations=3, probes={}))
    assert [(r.step, r.kind) for r in plain] == [(r.step, r.kind) for r in found if r.kind != "fit"]
    assert [r.values["loss"] for r in plain if r.kind == "loss"] == [
        r.values["loss"] for r in found if r.kind == "loss"
    ]


def test_a_fleet_records_the_same():
    """Members that end at different steps, one of which is not asked."""
    runs = [make_run("bert", max_steps=n, probes=probes) for n, probes in ((2, FIT), (3, FIT), (2, {}))]
    engine, members, _ = make_fleet(runs)
    seen = {id(member): [] for member in members}
    while engine.members:
        for member, found in zip(list(engine.members), engine.train_step(), strict=True):
            seen[id(member)] += found
        engine.release([member for member in engine.members if member.is_done])
    for run, member in zip(runs[:2], members, strict=False):
        [(step, loss)] = recorded(records(run.plain()))
        assert recorded(seen[id(member)]) == [(step, pytest.approx(loss, rel=1e-4))]
    assert recorded(seen[id(members[2])]) == []


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_is_pytorchs(outputs):
    logits = np.random.default_rng(0).normal(size=(7, outputs)).astype(np.float32)
    labels = np.arange(7) % 3 if outputs > 1 else np.linspace(0, 1, 7)
    tensor = torch.from_numpy(logits).double()
    if outputs > 1:
        expected = torch.nn.functional.cross_entropy(tensor, torch.from_numpy(labels))
    else:
        expected = torch.nn.functional.mse_loss(tensor[:, 0], torch.from_numpy(labels))
    assert mean_loss(logits, labels) == pytest.approx(expected.item())
    assert not np.isfinite(mean_loss(logits * np.inf, labels))


@pytest.mark.parametrize(
    ("loss", "outcome", "kind"),
    [(0.3, "succeeded", "fitted"), (0.3, "failed", "overfitted"), (0.69, "succeeded", "unlearned")],
)
def test_where_it_is_recorded_it_tells_how_a_run_ended(loss, outcome, kind):
    """Losses of steps with dropout could not: they were .66, and noisy."""
    ending = {"reference_loss": 0.693, "last_loss": 0.66, "earlier_loss": 0.66, "loss_noise": 0.02, "vanished": False}
    result = {"outcome": outcome, "reason": None, "training_loss": 0.66, "ending": ending}
    assert kind_of(result, lambda: True) == "unknown"
    assert kind_of(result | {"fit_loss": loss}, lambda: True) == kind
