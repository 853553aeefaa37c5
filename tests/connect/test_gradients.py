"""Gradient norms of a Trainer, before it clips them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.connect.made import model, trainer

import seedproof as sp
from seedproof.connect import StabilityCallback
from seedproof.connect.gradients import GradientHooks, scale_of, unscaled

EVERY_STEP = sp.Recording(probes={"gradients": 1})


class Plain(torch.optim.SGD):
    """Keeps the norms of what it is given: of a Trainer that clips nothing, those before clipping."""

    seen: list[np.ndarray]

    def step(self, closure=None):
        grads = [value.grad for group in self.param_groups for value in group["params"]]
        self.seen.append(np.array([float(grad.float().norm()) for grad in grads], np.float32))
        return super().step(closure)


def watched(folder, clip, **changed):
    made = model(dropout=0.0)
    optimizer = Plain(list(made.parameters()), lr=0.0)  # nothing moves: clipping changes no later gradient
    optimizer.seen = []
    run = trainer(folder, made, max_grad_norm=clip, max_steps=2, **changed)
    run.optimizer = optimizer
    run.add_callback(StabilityCallback(folder / "store", recording=EVERY_STEP, recipe=f"clip {clip}"))
    run.train()
    results = sp.open_results(folder / "store")
    records = results.records(results.runs()["run"].iloc[-1])
    recorded = np.stack(records.loc[(records["kind"] == "gradients") & records["norms"].notna(), "norms"])
    return recorded, np.stack(optimizer.seen)


@pytest.mark.parametrize(
    "changed",
    [
        {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 4},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"bf16": True}, marks=pytest.mark.slow),
    ],
    ids=["accumulation", "fp32", "bf16"],
)
def test_recorded_norms_are_those_of_a_run_that_is_not_clipped(tmp_path, changed):
    recorded, clipped = watched(tmp_path / "clipped", 1e-3, **changed)
    again, unclipped = watched(tmp_path / "unclipped", 0.0, **changed)
    np.testing.assert_allclose(recorded, unclipped, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(recorded, again)
    assert (clipped[recorded > 1e-4] < 0.5 * recorded[recorded > 1e-4]).all()  # what could be read after clipping


def test_the_scale_of_fp16_is_taken_out_again():
    """The Trainer has fp16 on GPUs alone; the scaler works here, too."""
    from accelerate.state import GradientState

    GradientState()._set_sync_gradients(True)
    layer = torch.nn.Linear(3, 2)
    hooks = GradientHooks(layer, pytest.fail)
    found = {}
    for scale in (1.0, 1024.0):
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.0)
        optimizer.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        layer.zero_grad()
        hooks.begin(looks=True)
        optimizer.scaler.scale(layer(torch.ones(4, 3)).square().sum()).backward()
        optimizer.scaler.unscale_(optimizer)
        found[scale] = unscaled(hooks.take(), scale_of(optimizer))
    np.testing.assert_array_equal(found[1.0], found[1024.0])
    hooks.remove()
    hooks.begin(looks=True)
    layer(torch.ones(4, 3)).sum().backward()
    assert hooks.take() is None


def test_an_update_that_the_scaler_left_out_has_no_norms(tmp_path):
    """Its gradients overflowed with the scale, which says nothing of the loss."""
    from seedproof.connect import callback

    run = trainer(tmp_path, max_steps=1)
    run.add_callback(StabilityCallback(tmp_path / "store", recording=EVERY_STEP))

    class Skipping(callback.TrainerCallback):
        def on_optimizer_step(self, args, state, control, optimizer, **_):
            optimizer._is_overflow = True

    run.add_callback(Skipping())
    run.train()
    results = sp.open_results(tmp_path / "store")
    records = results.records(results.runs()["run"][0])
    assert list(records.loc[records["step"] == 1, "kind"])[:2] == ["loss", "skipped"]
    assert "norms" not in records
