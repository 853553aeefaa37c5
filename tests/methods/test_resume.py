"""A run with a method goes on from a checkpoint to the same bits, in the plain engine."""

from __future__ import annotations

import pytest
import torch
from tests.fleets import make_run

NAMES = (
    "llrd",
    "reinit(layers=1)",
    "pretrained_decay",
    "tensor_clip",
    "class_weights",
    "ema(decay=0.9)",
    "freeze",
    "rdrop",
    "lora(rank=2, dropout=0.1) + llrd + ema(decay=0.9)",
    "llrd + reinit(layers=1) + pretrained_decay + tensor_clip + ema(decay=0.9) + freeze + rdrop",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stop", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_going_on_gives_the_same_bits(name, stop):
    run = make_run("bert", f"mosbach-v1 + {name}", seed=5, dropout=0.2, batch_size=8, epochs=2, weight_decay=0.1)
    whole, first, second = run.plain(), run.plain(), run.plain()
    expected = list(whole.run())
    steps = first.run()
    seen = [next(steps) for _ in range(stop + 1)]
    second.load_state(first.step, *first.state())
    seen += list(second.run())
    assert [[(r.step, r.kind) for r in step] for step in seen] == [[(r.step, r.kind) for r in s] for s in expected]
    assert [r.values["loss"] for s in seen for r in s if r.kind == "loss"] == [
        r.values["loss"] for s in expected for r in s if r.kind == "loss"
    ]
    assert second.evaluated_at == whole.evaluated_at
    for key, value in whole.model.named_parameters():
        assert torch.equal(value, second.model.get_parameter(key)), key
