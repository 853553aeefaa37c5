"""The true loss of a Trainer's steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.connect.made import ROWS, Breaking, Rows, model, trainer
from transformers import BertForSequenceClassification, Trainer, TrainerCallback

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


def accumulated(folder, kind=Trainer, made=None, accumulation=2, **changed):
    settings = {"max_steps": -1, "num_train_epochs": 2, "learning_rate": 1e-6, "per_device_train_batch_size": 8}
    made = model(dropout=0.0) if made is None else made
    run = trainer(folder, made, kind=kind, gradient_accumulation_steps=accumulation, **(settings | changed))
    run.add_callback(StabilityCallback(folder / "store"))
    return run


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_epochs_last_step_is_divided_by_the_micro_batches_that_it_has(tmp_path, smoothing):
    """24 rows in micro-batches of 8: steps of 2 and of 1."""
    accumulated(tmp_path, label_smoothing_factor=smoothing).train()
    assert losses(tmp_path / "store") == pytest.approx(4 * [math.log(2)], rel=0.02)


class Weighted(Trainer):
    """Its loss is none of the model's: class 1 counts five times, and is not divided back."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        output = model(**inputs)
        each = torch.nn.functional.cross_entropy(output.logits, inputs["labels"], reduction="none")
        loss = (each * (1 + 4 * inputs["labels"])).mean()
        return (loss, output) if return_outputs else loss


@pytest.mark.parametrize("mends", [False, True])
def test_a_loss_that_the_outputs_do_not_explain_is_said_to_be_in_doubt_until_that_is_mended(tmp_path, caplog, mends):
    run = accumulated(tmp_path, Weighted)
    if mends:
        run.model_accepts_loss_kwargs = False
    run.train()
    assert caplog.text.count("up to 2 times too large: its loss is not one that") == (not mends)
    assert ("set trainer.model_accepts_loss_kwargs = False" in caplog.text) is not mends
    results = sp.open_results(tmp_path / "store")
    records = results.records(results.runs()["run"][0]).query("kind == 'observed'")
    assert records["step"].tolist() == ([0] if mends else [0, 1])


class Sure(BertForSequenceClassification):
    """Answers class 0 so surely that its loss on it is exactly 0."""

    def forward(self, input_ids=None, labels=None, **kwargs):
        output = super().forward(input_ids=input_ids, **kwargs)
        output.logits = 0 * output.logits + torch.tensor([60.0, -60.0])
        output.loss = torch.nn.functional.cross_entropy(output.logits, labels)
        return output


def test_a_loss_of_0_neither_ends_the_training_nor_the_recording(tmp_path):
    rows = [{**row, "labels": int(index == 23)} for index, row in enumerate(ROWS)]
    run = accumulated(tmp_path, made=model(Sure, dropout=0.0), train=Rows(rows), per_device_train_batch_size=2)
    run.train()
    found = losses(tmp_path / "store")
    assert run.state.global_step == len(found) == 12
    assert sorted(found)[-2:] == pytest.approx([30.0, 30.0])  # 0, and a mean of 0 and 120, of 2 examples each


@pytest.mark.parametrize(
    "faulty",
    [
        "seedproof.connect.losses._mean_loss",
        "seedproof.connect.outputs.logits_in",
        "seedproof.connect.gradients._norm",
        "seedproof.training.saturation.saturated",
    ],
)
def test_what_goes_wrong_in_a_hook_ends_the_recording_alone(tmp_path, caplog, monkeypatch, faulty):
    def fail(*_args, **_more):
        raise ZeroDivisionError("in a hook")

    class Faulty(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            monkeypatch.setattr(faulty, fail)

    early = sp.Recording(probes={"early": 1, "gradients": 1})
    run = trainer(tmp_path, gradient_accumulation_steps=2, callbacks=[Faulty()])
    run.add_callback(StabilityCallback(tmp_path / "store", recording=early))
    run.train()
    assert run.state.global_step == 4
    assert caplog.text.count("not recorded any further: ZeroDivisionError: in a hook") == 1
    assert sp.open_results(tmp_path / "store").runs()["state"].tolist() == ["crashed"]
    assert not run.model._forward_hooks


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
