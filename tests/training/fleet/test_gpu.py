"""On a GPU the engines compute what they compute on the CPU. Skipped where there is none."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.fleets import families, make_data, make_fleet, make_run
from tests.training.fleet.test_engine import compare, runs_of
from tests.training.fleet.test_members import assert_close, losses_of, runs_with_dropout, steps_of

from seedproof.training.fleet.engine import FleetEngine

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@families
@pytest.mark.parametrize("name", ["devlin", "mixout"])
@pytest.mark.parametrize(("precision", "tolerances"), [("fp64", (1e-7, 1e-6, 1e-3)), ("fp32", (2e-5, 1e-4, 2e-1))])
def test_the_fleet_and_the_plain_engine_agree_on_a_gpu(family, name, precision, tolerances):
    compare(runs_of(family, name), precision, *tolerances, device="cuda")


@families
def test_a_gpu_draws_the_masks_of_the_cpu(family):
    """With dropout and Mixout: each mask is a hash of its place, whatever computes it."""
    runs = runs_with_dropout(family)
    there, here = (make_fleet(runs, "fp32", device)[0] for device in ("cuda", "cpu"))
    seen, expected = steps_of(there, 5), steps_of(here, 5)
    for index in range(len(runs)):
        np.testing.assert_allclose(losses_of(seen, index), losses_of(expected, index), rtol=1e-4)
        found = {name: value.cpu() for name, value in there._state.stack.weights(index).items()}
        assert_close(found, here._state.stack.weights(index))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(precision):
    """Its state is read from the GPU and written back; evaluations and the end are reached."""
    run = make_run("bert", "mosbach", seed=3, dropout=0.1, data=make_data("bert", 5), learning_rate=3e-3)
    whole, (straight,), _ = make_fleet([run], precision, "cuda")
    expected = losses_of(steps_of(whole, run.plan.steps), 0)
    whole.release([straight])

    first, (stopped,), _ = make_fleet([run], precision, "cuda")
    losses = losses_of(steps_of(first, 6), 0)
    arrays, values = copy.deepcopy(first.state(stopped))
    again = run.member(resume=(arrays, values))
    again.step, again.has_joined = 6, True
    second = FleetEngine(again.model, precision=precision, device="cuda")
    second.join([again])
    losses += losses_of(steps_of(second, run.plan.steps - 6), 0)
    second.release([again])
    np.testing.assert_allclose(losses, expected, rtol=1e-3 if precision == "fp32" else 5e-2)
    assert again.evaluated_at == straight.evaluated_at
    assert all(value.device.type == "cpu" for value in again.model.state_dict().values())
