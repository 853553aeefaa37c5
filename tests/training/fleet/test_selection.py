"""A fleet keeps each member's own best weights, whatever members are evaluated together and in which order."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.fleets import make_data, make_run

from seedproof.training.fleet.engine import FleetEngine


def rising(seed):
    """Data of a task of its own, of which every evaluation is better than the last."""
    calls = iter(range(1000))
    return dataclasses.replace(make_data("bert", seed), score=lambda _: {"score": float(next(calls))})


def kept(runs):
    """The weights that each run's training results in, trained together."""
    members = [run.member() for run in runs]
    engine = FleetEngine(members[0].model)
    engine.join(members)
    while engine.members:
        engine.train_step()
        engine.release([member for member in engine.members if member.is_done])
    return [torch.cat([value.detach().flatten() for value in member.model.parameters()]) for member in members]


@pytest.mark.parametrize("methods", ["", " + ema(decay=0.5)"])
def test_the_best_weights_of_tasks_that_take_turns_are_each_members_own(methods):
    """Members are evaluated task by task, so their order is not that of their rows."""
    one, two = rising(0), rising(50)
    runs = [
        make_run("bert", f"devlin{methods}", seed, data=data, select="best", epochs=0.5, probes={})
        for seed, data in enumerate((one, two, one))
    ]
    for run, found in zip(runs, kept(runs), strict=True):
        torch.testing.assert_close(found, kept([run])[0], rtol=1e-4, atol=1e-5)


def test_members_are_given_in_the_order_that_was_asked_for():
    """Also where they are all, and where one is asked for twice: nothing but the natural order is the stack itself."""
    runs = [make_run("bert", seed=seed, probes={}) for seed in range(2)]
    engine = FleetEngine(runs[0].model)
    engine.join([run.member() for run in runs])
    state = engine._state
    assert state.evaluated([0, 1]) is state.stack
    for order in ([1, 0], [1, 1], [1]):
        for value, stored in zip(state.evaluated(order).values, state.stack.values, strict=True):
            assert torch.equal(value, stored[order])
