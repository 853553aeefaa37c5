"""What is evaluated and kept is the bias-corrected moving average of the weights; training is as without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.fleets import make_run

DECAY = 0.8


def trained(engine):
    """The weights after each step of a plain engine that trains to its end, and its evaluations' logits by step."""
    after, logits, losses = {}, {}, []
    for records in engine.run():
        after[engine.step] = {name: value.detach().clone() for name, value in engine.model.named_parameters()}
        logits |= {record.step: record.values["logits dev"] for record in records if record.kind == "evaluation"}
        losses += [record.values["loss"] for record in records if record.kind == "loss"]
    return after, logits, losses


def average(after, step):
    """sum_i b^(step - i) w_i / sum_i b^(step - i)."""
    powers = {index: DECAY ** (step - index) for index in range(1, step + 1)}
    total = sum(powers.values())
    return {name: sum(power * after[index][name] for index, power in powers.items()) / total for name in after[1]}


@pytest.mark.parametrize("name", ["mosbach", "mosbach-v1"])
def test_evaluations_and_the_result_are_those_of_the_closed_form(name):
    """``mosbach-v1`` keeps the best evaluation."""
    given = {"epochs": 2.0, "evaluations": 10, "learning_rate": 0.01}
    averaged = make_run("bert", f"{name} + ema(decay={DECAY})", **given).plain("fp64")
    plain = make_run("bert", name, **given).plain("fp64")
    _, logits, losses = trained(averaged)
    after, _, expected_losses = trained(plain)
    assert losses == expected_losses
    assert 0 in logits or name == "mosbach"
    other = make_run("bert", name, **given).plain("fp64")
    for step, found in logits.items():
        if step:
            other.model.load_state_dict(average(after, step), strict=False)
        np.testing.assert_allclose(found, other.predict(other._data.evaluation["dev"]), rtol=1e-5, atol=1e-6)
    for key, value in average(after, averaged.evaluated_at).items():
        torch.testing.assert_close(averaged.model.get_parameter(key).detach(), value, rtol=1e-9, atol=1e-11, msg=key)
