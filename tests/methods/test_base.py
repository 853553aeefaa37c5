"""Methods in the plain engine: when they are called, what they may draw, and that a stopped run goes on to the same bits."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.engines import assert_same, losses, make_engine, weights
from tests.methods.own import Diary, HalfHead, Later, Noise, Undecorated

from seedproof.errors import Damaged, UserError
from seedproof.methods import METHODS, Effects, Method, find, from_json, in_order, method
from seedproof.recipes import recipe
from seedproof.training.treatments import check_versions, combined

OWN = "tests.methods.own"
SHORT = {"max_steps": 4, "probes": {}}


def test_hooks_are_called_in_order_and_the_loss_is_the_methods(tiny_model, small_task):
    Diary.calls.clear()
    engine = make_engine(
        tiny_model, small_task, f"devlin + {OWN}:Diary", **SHORT | {"max_steps": 2, "weight_decay": 0.0}
    )
    before = weights(engine)
    losses(engine)
    start, *calls = Diary.calls
    steps = [f"{when} {step}" for step in (1, 2) for when in ("before", "loss", "gradient", "after")]
    assert start.startswith("start")
    assert calls == [*steps, "evaluation", "evaluated", "finish"]
    assert_same(weights(engine), before)  # its loss is 0


def test_what_methods_draw_is_the_runs_and_leaves_the_programs_generator_alone(tiny_model, small_task):
    def drawn(seed):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        engine = make_engine(tiny_model, small_task, f"devlin + {OWN}:Noise + {OWN}:Diary", **SHORT)
        found = Diary.calls[-1], losses(engine)
        assert torch.equal(torch.get_rng_state(), before)
        return found

    assert drawn(1) == drawn(2)


@pytest.mark.parametrize("name", [f"devlin + {OWN}:Noise", f"mosbach-v1 + {OWN}:HalfHead"])
def test_a_stopped_run_goes_on_to_the_same_bits(tiny_model, small_task, name):
    whole = make_engine(tiny_model, small_task, name, **SHORT)
    expected = losses(whole)
    first = make_engine(tiny_model, small_task, name, **SHORT)
    running = first.run()
    while first.step < 2:
        next(running)
    later = make_engine(tiny_model, small_task, name, **SHORT)
    later.load_state(2, *first.state())
    assert losses(later) == expected[2:]
    assert_same(weights(whole), weights(later))


def test_a_state_of_another_version_is_refused_with_both():
    engine_values = [{"name": f"{OWN}:Later", "version": 1, "values": {}}]
    with pytest.raises(Damaged, match="written by its version 1, and this is its version 2"):
        check_versions([Later()], engine_values)
    with pytest.raises(Damaged, match="written without it"):
        check_versions([Noise()], engine_values)
    check_versions([Later()], None)  # of a run from before methods had a state


def test_effects_do_what_they_say_in_one_step(tiny_model, small_task):
    """Against the same step by hand: clipped per tensor, AdamW at each parameter's rate, decay toward the start."""
    settings = {**SHORT, "max_steps": 1, "warmup_ratio": 0.0, "dropout": 0.0, "weight_decay": 0.1, "clip": "none"}
    engine = make_engine(tiny_model, small_task, f"mosbach + {OWN}:HalfHead", **settings)
    plain = make_engine(tiny_model, small_task, "mosbach", **{**settings, "clip": "tensor", "max_grad_norm": 0.1})
    start = weights(engine)
    for each in (engine, plain):
        losses(each)
    moved, usual = weights(engine), weights(plain)
    rate, decay = 1e-3, 0.1
    for name, value in start.items():
        if not value.is_floating_point():
            continue
        factor = 0.5 if name.startswith("classifier") else 1.0
        decayed = 0.0 if name.endswith("bias") or "LayerNorm" in name else rate * decay
        step = (value - usual[name] / (1 - decayed)) * factor  # the step was taken before the decay
        expected = (value - step) * (1 - factor * decayed) + factor * decayed * value
        torch.testing.assert_close(moved[name], expected, rtol=1e-4, atol=2e-7)


def test_stored_methods_come_back_and_another_version_is_refused():
    assert from_json(Noise(scale=0.5).to_json()) == Noise(scale=0.5)
    assert Later().to_json() == {"name": f"{OWN}:Later", "version": 2, "scale": 0.01}
    with pytest.raises(UserError, match="has version 2 now, and this run was made with its version 1"):
        from_json({"name": f"{OWN}:Later", "scale": 0.01})


def test_the_order_is_kept_where_it_matters_and_only_there():
    first, second = METHODS["mixout"](), Noise()
    assert in_order([second, first]) == (second, first)
    assert in_order([HalfHead(), second]) == in_order([second, HalfHead()]) == (second, HalfHead())
    one, other = (recipe("devlin") + HalfHead() + second), (recipe("devlin") + second + HalfHead())
    assert (one.name, one.to_json()["methods"]) != (other.name, other.to_json()["methods"][::-1])
    assert one == dataclasses.replace(other, name=one.name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: in_order([Noise(), Noise(scale=1.0)]), "'tests.methods.own:Noise' stands twice"),
        (lambda: in_order([Diary(), _OtherLoss()]), "both decide the loss of a batch; leave one of them out"),
        (lambda: method("mixuot"), "unknown method 'mixuot'; did you mean 'mixout'"),
        (lambda: method("mixout", q=1), "unknown setting 'q' in the method 'mixout'"),
        (
            lambda: Noise(scale=-1),
            "tests.methods.own:Noise: scale = -1 is not valid; it must be a number of at least 0",
        ),
        (lambda: Undecorated(), "Undecorated is no dataclass; write @dataclass"),
        (
            lambda: combined({"a": Effects(average=0.9), "b": Effects(average=0.99)}),
            "'a' and 'b' both decide the average of the weights",
        ),
        (
            lambda: combined({name: Effects(decay_targets={"w": torch.zeros(1)}) for name in "ab"}),
            "'a' and 'b' both decide toward what a weight decays",
        ),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(UserError) as error:
        make()
    assert message in str(error.value)


@dataclasses.dataclass(frozen=True)
class _OtherLoss(Diary):
    pass


def test_factors_of_several_methods_multiply():
    both = combined({"a": Effects(rate_factors={"w": 0.5, "v": 2.0}), "b": Effects(rate_factors={"w": 0.5})})
    assert dict(both.rate_factors) == {"w": 0.25, "v": 2.0}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_described(name):
    kind = find(name)
    assert issubclass(kind, Method)
    assert kind.name == name
    assert kind.description
