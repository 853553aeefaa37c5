"""Plans against closed forms of the paper and against Transformers' own scheduler."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.recipes import recipe, resolve
from seedproof.spec import Seeds
from seedproof.training.plan import correction_factor, epoch_order, make_plan, matched_divisor


def resolved(name="devlin", family="bert", **settings):
    return resolve(recipe(name, **settings), family, None).recipe


RTE = 2490


def test_rte_has_the_papers_steps():
    plan = make_plan(resolved(), Seeds.from_number(0), RTE)
    assert (plan.steps, plan.steps_per_epoch) == (468, 156)
    assert plan.learning_rates[46] == plan.learning_rates.max() == pytest.approx(2e-5)


@pytest.mark.parametrize(
    ("step", "value"), [(1, 0.316), (12, 0.152), (46, 0.214), (70, 0.260), (156, 0.380), (1000, 0.795)]
)
def test_correction_factor_is_figure_6(step, value):
    assert correction_factor(step) == pytest.approx(value, abs=6e-4)


def test_beta2_of_roberta_corrects_sooner():
    assert correction_factor(70, 0.9, 0.98) == pytest.approx(0.87, abs=0.005)


def test_matched_divisor_of_rte_and_of_the_miniature():
    assert matched_divisor(make_plan(resolved(), Seeds.from_number(0), RTE)) == pytest.approx(3.0, abs=0.05)
    assert matched_divisor(make_plan(resolved(), Seeds.from_number(0), 1000)) == pytest.approx(4.3, abs=0.05)
    corrected = make_plan(resolved(bias_correction=True), Seeds.from_number(0), RTE)
    assert matched_divisor(corrected) == 1.0


def test_linear_schedule_is_that_of_transformers():
    from transformers import get_linear_schedule_with_warmup

    plan = make_plan(resolved(learning_rate=1.0), Seeds.from_number(0), 200)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = get_linear_schedule_with_warmup(optimizer, int(0.1 * plan.steps), plan.steps)
    rates = []
    for _ in range(plan.steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(plan.learning_rates, rates, rtol=1e-12)


def test_linear_drop_falls_from_the_peak_when_warmup_ends():
    plan = make_plan(resolved(learning_rate=1.0, schedule="linear-drop"), Seeds.from_number(0), 1600)
    warmup = int(0.1 * plan.steps)
    assert plan.learning_rates[warmup - 1] == pytest.approx((warmup - 1) / warmup)
    assert plan.learning_rates[warmup] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("steps", [3, 7, 10, 45, 70, 189, 468])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.06])
def test_bertadam_does_not_round_its_warmup(steps, warmup):
    """``warmup_linear`` of pytorch-pretrained-bert, of step/t_total; where it ends the rounded one is off by up to 8 %."""

    def warmup_linear(x):
        return x / warmup if x < warmup else 1.0 - x

    settings = {"learning_rate": 1.0, "warmup_ratio": warmup, "max_steps": steps}
    plain = resolved("devlin-bertadam", **settings)
    exact = dataclasses.replace(plain, warmup_end="exact")
    rates = make_plan(exact, Seeds.from_number(0), 1000).learning_rates
    np.testing.assert_allclose(rates, [warmup_linear(step / steps) for step in range(steps)], rtol=1e-15)
    whole = make_plan(plain, Seeds.from_number(0), 1000).learning_rates  # as runs of older stores
    assert whole[: int(warmup * steps)].tolist() == [step / int(warmup * steps) for step in range(int(warmup * steps))]
    if (steps, warmup) == (468, 0.1):
        assert whole[46] == pytest.approx(0.902, abs=0.001)  # 422/468: already after its warm-up of 46 steps
        assert rates[46] == pytest.approx(0.983, abs=0.001)  # 46/46.8


def test_an_extra_step_is_at_rate_zero():
    plan = make_plan(resolved(max_steps=10, extra_step=True), Seeds.from_number(0), 100)
    assert plan.steps == 11
    assert plan.learning_rates[-1] == 0.0


@given(examples=st.integers(2, 70), epochs=st.integers(1, 4), batch=st.integers(1, 20), seed=st.integers(0, 2**40))
def test_every_epoch_takes_every_example_once(examples, epochs, batch, seed):
    plan = make_plan(resolved(epochs=epochs, batch_size=batch), Seeds.from_number(seed), examples)
    for epoch in range(epochs):
        taken = np.concatenate(plan.batches[epoch * plan.steps_per_epoch : (epoch + 1) * plan.steps_per_epoch])
        assert sorted(taken) == list(range(examples))


@pytest.mark.parametrize(
    ("settings", "cause"),
    [({"epochs": 1e12}, r"epochs = 1e\+12 of 156 steps"), ({"max_steps": 10**20}, "max_steps = 1000")],
)
def test_absurd_lengths_are_refused_before_they_fill_memory(settings, cause):
    chosen = resolve(recipe("devlin", **settings), "bert", None).recipe
    with pytest.raises(UserError, match=f"{cause}.* a run has at most 10000000 steps"):
        make_plan(chosen, Seeds.from_number(0), 2490)


def test_only_the_order_seed_moves_the_batches():
    base = make_plan(resolved(), Seeds(head=1, order=2, dropout=3), 50)
    same = make_plan(resolved(), Seeds(head=9, order=2, dropout=9), 50)
    other = make_plan(resolved(), Seeds(head=1, order=3, dropout=3), 50)
    assert all((a == b).all() for a, b in zip(base.batches, same.batches, strict=True))
    assert any((a != b).any() for a, b in zip(base.batches, other.batches, strict=True))


def test_the_order_of_a_seed_never_changes():
    # numpy guarantees RandomState's stream (NEP 19); stored ids rest on it.
    assert epoch_order(0, 0, 8).tolist() == GOLDEN_ORDER


GOLDEN_ORDER = [2, 6, 0, 4, 1, 3, 5, 7]


def test_evaluations_do_not_change_what_is_selected():
    plan = make_plan(resolved("mosbach-v1", epochs=2), Seeds.from_number(0), 64, evaluations=4)
    assert plan.select_from == {0, 4, 8}
    assert plan.evaluate_after == {0, 2, 4, 6, 8}
    assert make_plan(resolved(), Seeds.from_number(0), 64).evaluate_after == {4, 8, 12}
