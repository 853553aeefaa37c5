"""The plain engine: the same bits however it is stopped, and the step of stock PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.engines import assert_same, losses, make_engine, records, weights

from seedproof.spec import Seeds
from seedproof.tasks import Split, Task
from seedproof.training.engine import prediction_entropy, step_seed


def test_a_run_is_the_same_bits_twice_whatever_is_recorded(tiny_model, small_task):
    plain = make_engine(tiny_model, small_task, probes={})
    probed = make_engine(tiny_model, small_task, evaluations=5)
    torch.rand(3)  # what others draw from the global generator does not matter
    assert losses(plain) == losses(probed)
    assert_same(weights(plain), weights(probed))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["devlin", "mosbach-v1", "mixout"])
@pytest.mark.parametrize("stop", [1, 3, 4])
def test_going_on_from_a_state_gives_the_same_bits(tiny_model, small_task, name, stop):
    whole = make_engine(tiny_model, small_task, name)
    expected = records(whole)
    first = make_engine(tiny_model, small_task, name)
    seen = []
    for step in first.run():
        seen += step
        if first.step == stop:
            break
    second = make_engine(tiny_model, small_task, name)
    second.load_state(stop, *first.state())
    seen += records(second)
    assert [(r.step, r.kind) for r in seen] == [(r.step, r.kind) for r in expected]
    for one, other in zip(seen, expected, strict=True):
        for key, value in one.values.items():
            np.testing.assert_array_equal(value, other.values[key])
    assert_same(weights(whole), weights(second))
    assert whole.evaluated_at == second.evaluated_at


@pytest.mark.slow
def test_each_seed_moves_its_own_part(tiny_model, small_task):
    def head(seeds):
        return make_engine(tiny_model, small_task, seeds=seeds).model.classifier.weight.clone()

    base = Seeds.from_number(3)
    assert torch.equal(head(base), head(Seeds(head=3, order=4, dropout=5)))
    assert not torch.equal(head(base), head(Seeds(head=4, order=3, dropout=3)))
    same = losses(make_engine(tiny_model, small_task, seeds=base, max_steps=2))
    dropped = losses(make_engine(tiny_model, small_task, seeds=Seeds(head=3, order=3, dropout=4), max_steps=2))
    assert same != dropped
    # without dropout its seed has nothing to move
    off = [
        losses(make_engine(tiny_model, small_task, seeds=Seeds(head=3, order=3, dropout=d), max_steps=3, dropout=0.0))
        for d in (1, 2)
    ]
    assert off[0] == off[1]


def test_a_run_equals_a_loop_of_stock_pytorch(tiny_model, small_task):
    """Dropout off, torch's AdamW, clip_grad_norm_: an oracle that shares no code with the engine's step."""
    settings = {"dropout": 0.0, "bias_correction": True, "decay": "old", "eps_place": "after", "max_steps": 6}
    engine = make_engine(tiny_model, small_task, **settings)
    oracle = make_engine(tiny_model, small_task, **settings)
    model, plan, data = oracle.model.train(), oracle._plan, oracle._data
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    rest = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], eps=1e-6
    )
    expected = []
    for batch, rate in zip(plan.batches, plan.learning_rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = model(**data.train.batch(batch, torch.device("cpu"))).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        expected.append(loss.item())
    np.testing.assert_allclose(losses(engine), expected, rtol=1e-5)
    for name, value in weights(engine).items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task)
    seen = []
    for step in engine.run():
        seen += step
        if engine.step == 3:
            with torch.no_grad():
                engine.model.classifier.bias.fill_(float("nan"))
    assert engine.diverged_at == 4
    assert engine.evaluated_at is None
    assert seen[-1].kind == "loss"
    assert math.isnan(seen[-1].values["loss"])


def test_the_best_evaluation_is_kept_and_the_first_of_equals(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task, "mosbach-v1", learning_rate=1e-9)
    start = weights(engine)
    records(engine)
    # nothing learned: all scores are equal, the untrained model is the first
    assert engine.evaluated_at == 0
    assert_same(start, weights(engine))


def test_regression_lowers_its_squared_error_and_records_no_entropy(tiny_model, small_task):
    targets = [float(len(text.split())) for text in small_task.train.texts]
    train = Split(small_task.train.texts, None, targets)
    dev = Split(small_task.dev.texts, None, [float(len(text.split())) for text in small_task.dev.texts])
    task = Task(name="lengths", train=train, dev=dev, classes=(), metrics=("pearson",))
    engine = make_engine(tiny_model, task, epochs=20, learning_rate=1e-2)
    seen = records(engine)
    values = [r.values["loss"] for r in seen if r.kind == "loss"]
    assert np.mean(values[-3:]) < 0.3 * np.mean(values[:3])
    last = [r for r in seen if r.kind == "evaluation"][-1]
    assert last.values["logits dev"].shape == (30, 1)
    assert "entropy" not in last.values


def test_bf16_differs_from_fp32_and_keeps_fp32_weights(tiny_model, small_task):
    fp32, bf16 = (make_engine(tiny_model, small_task, precision=p, max_steps=2) for p in ("fp32", "bf16"))
    assert losses(fp32) != losses(bf16)
    assert {value.dtype for value in bf16.model.parameters()} == {torch.float32}


def test_evaluation_does_not_depend_on_its_batches(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task)
    split = engine._data.evaluation["dev"]
    whole = engine.predict(split)
    with torch.no_grad():
        for index in (0, 7, 29):
            batch = split.batch([index], torch.device("cpu"))
            one = engine.model.eval()(**{k: v for k, v in batch.items() if k != "labels"}).logits[0].numpy()
            np.testing.assert_allclose(whole[index], one, atol=1e-6)


def test_the_global_generator_of_the_caller_is_left_alone(tiny_model, small_task):
    torch.manual_seed(11)
    expected = torch.rand(4)
    torch.manual_seed(11)
    losses(make_engine(tiny_model, small_task, max_steps=2))
    assert torch.equal(torch.rand(4), expected)


def test_entropy_and_step_seeds():
    assert prediction_entropy(np.zeros((3, 2), np.float32)) == pytest.approx(math.log(2))
    assert prediction_entropy(np.array([[100.0, -100.0]], np.float32)) == pytest.approx(0.0, abs=1e-9)
    assert math.isnan(prediction_entropy(np.array([[np.nan, 0.0]], np.float32)))
    assert len({step_seed(seed, step) for seed in range(30) for step in range(30)}) == 900
    assert all(0 <= step_seed(seed, 1) < 2**63 for seed in range(50))
