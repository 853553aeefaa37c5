"""The true loss of a Trainer's steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.connect.made import Breaking, model, trainer
from transformers import TrainerCallback

import seedproof as sp
from seedproof.connect import StabilityCallback


def losses(folder):
    results = sp.open_results(folder)
    return results.losses(results.runs()["run"].iloc[-1])["loss"].to_numpy()


def test_a_loss_that_the_filter_hides_is_recorded(tmp_path):
    broken = model(Breaking)
    broken.breaks_at = 3
    run = trainer(tmp_path, broken, logging_strategy="steps", logging_steps=1)
    run.add_callback(StabilityCallback(tmp_path / "store"))
    run.train()
    logged = [float(entry["loss"]) for entry in run.state.log_history if "loss" in entry]
    assert all(map(math.isfinite, logged))  # what the Trainer says
    assert np.isnan(losses(tmp_path / "store")).tolist()[:3] == [False, False, True]
    [row] = sp.open_results(tmp_path / "store").runs().to_dict("records")
    assert (row["outcome"], row["reason"], row["diverged_at"]) == ("failed", "diverged", 3)


def test_the_loss_of_a_step_does_not_depend_on_its_micro_batches(tmp_path):
    """Transformers does not divide the loss of BERT by them: it logs, and trains on, twice of it."""
    found, logged = [], []
    for micro in (1, 2):
        run = trainer(
            tmp_path,
            model(dropout=0.0),
            max_steps=1,
            gradient_accumulation_steps=micro,
            per_device_train_batch_size=8 // micro,
            logging_strategy="steps",
            logging_steps=1,
        )
        run.add_callback(StabilityCallback(tmp_path / f"store-{micro}"))
        run.train()
        found.append(losses(tmp_path / f"store-{micro}")[0])
        logged.append(run.state.log_history[0]["loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert logged[0] == pytest.approx(found[0], rel=1e-3)
    assert logged[1] == pytest.approx(2 * found[1], rel=1e-3)  # else LossTap need not compare


def test_an_error_in_a_step_is_noted_and_raised(tmp_path):
    class Stumbling(Breaking):
        def forward(self, *args, **kwargs):
            if self.training and self.calls == 2:
                raise RuntimeError("the disk of this data set is gone")
            return super().forward(*args, **kwargs)

    run = trainer(tmp_path, model(Stumbling))
    run.add_callback(StabilityCallback(tmp_path / "store"))
    with pytest.raises(RuntimeError, match="the disk"):
        run.train()
    [row] = sp.open_results(tmp_path / "store").runs().to_dict("records")
    assert row["state"] == "crashed"
    assert "training_step" not in vars(run)


def test_the_trainer_tells_no_event_before_it_clips(tmp_path):
    """So hooks on the parameters are needed: the first event after the backward pass sees clipped gradients."""
    seen = []

    class Look(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model, **_):
            seen.append(sum(float(value.grad.norm()) ** 2 for value in model.parameters()) ** 0.5)

    trainer(tmp_path, callbacks=[Look()], max_grad_norm=1e-3).train()
    assert max(seen) <= 1.001e-3
