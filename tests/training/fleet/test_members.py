"""Members of a fleet are independent: they join, leave, go on, diverge and finish without a trace in their mates."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from tests.fleets import families, make_data, make_fleet, make_model, make_run
from tests.methods.own import Diary

from seedproof.errors import UserError
from seedproof.methods import Method
from seedproof.probes import make_probes
from seedproof.probes.base import Probe
from seedproof.recipes import recipe
from seedproof.training.fleet.engine import FleetEngine, fits_fleet

CLOSE = {"rtol": 1e-4, "atol": 2e-5}
"""The learning rate is 1e-3. A key's bias has no gradient but rounding, which Adam makes steps of."""


def runs_with_dropout(family="bert"):
    return [
        make_run(family, "devlin", seed=1, dropout=0.1),
        make_run(family, "mosbach", seed=2, dropout=0.3, batch_size=4, data=make_data(family, 3, longest=5)),
        make_run(family, "mixout", seed=3, batch_size=11),
    ]


def steps_of(engine, steps):
    return [engine.train_step() for _ in range(steps)]


def losses_of(seen, index):
    return [records[index][0].values["loss"] for records in seen]


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, **CLOSE, msg=lambda text, name=name: f"{name}: {text}")


@families
def test_a_member_does_not_depend_on_its_mates(family):
    """With dropout: the masks of a member are its own, whoever is beside it and at whatever place."""
    runs = runs_with_dropout(family)
    engine, _, _ = make_fleet(runs[::-1])
    seen = steps_of(engine, 3)
    for place, run in zip((2, 1, 0), runs, strict=True):
        alone, _, _ = make_fleet([run])
        np.testing.assert_allclose(losses_of(seen, place), losses_of(steps_of(alone, 3), 0), rtol=1e-5)
        assert_close(engine._state.stack.weights(place), alone._state.stack.weights(0))


@pytest.mark.parametrize(("dropout", "is_same"), [(0.0, True), (0.1, False)])
def test_the_dropout_seed_alone_parts_two_members(dropout, is_same):
    first = make_run("bert", seed=1, dropout=dropout)
    engine, _, _ = make_fleet([first, dataclasses.replace(first, seed=2)])
    seen = steps_of(engine, 1)
    assert (losses_of(seen, 0) == losses_of(seen, 1)) is is_same


def test_joining_and_leaving_in_the_middle():
    runs = runs_with_dropout()
    engine, members, _ = make_fleet(runs[:1])
    first = losses_of(steps_of(engine, 2), 0)
    joined = [runs[1].member(), runs[2].member()]
    assert [{record.kind for record in seen} for seen in engine.join(joined)] == [{"gradients", "drift"}] * 2
    both = steps_of(engine, 2)
    engine.release([joined[0]])
    last = steps_of(engine, 2)
    alone = [make_fleet([run])[0] for run in runs]
    expected = [losses_of(steps_of(engine, steps), 0) for engine, steps in zip(alone, (6, 2, 4), strict=True)]
    np.testing.assert_allclose(first + losses_of(both, 0) + losses_of(last, 0), expected[0], rtol=1e-5)
    np.testing.assert_allclose(losses_of(both, 1), expected[1], rtol=1e-5)
    np.testing.assert_allclose(losses_of(both, 2) + losses_of(last, 1), expected[2], rtol=1e-5)
    assert engine.members == [members[0], joined[1]]


TREATED = "mosbach-v1 + llrd + reinit(layers=1) + pretrained_decay + tensor_clip + ema(decay=0.9)"


@pytest.mark.parametrize("name", ["devlin", "mosbach-v1", "mixout", TREATED])
@pytest.mark.parametrize("stop", [0, pytest.param(1, marks=pytest.mark.slow), 7])
@pytest.mark.parametrize("is_same_member", [False, True])
def test_going_on_gives_the_same_bits(name, stop, is_same_member):
    """As a new member after an interruption, or as one that stepped aside where memory was short."""
    run = make_run("bert", name, seed=5, dropout=0.0 if name == "mixout" else 0.2, batch_size=8, epochs=2)
    whole, [member], start = make_fleet([run])
    expected = [*start, *(seen for [seen] in steps_of(whole, member.steps))]
    whole.release([member])
    engine, [leaving], seen = make_fleet([run])
    seen += [records for [records] in steps_of(engine, stop)]
    state = engine.state(leaving)
    engine.release([leaving])
    later = leaving if is_same_member else run.member()
    later.step, later.resume = stop, state
    engine = FleetEngine(later.model)
    again = engine.join([later])[0]
    assert [record.kind for record in again] == ([] if stop or is_same_member else [r.kind for r in start[0]])
    seen += [records for [records] in steps_of(engine, later.steps - stop)]
    engine.release([later])
    assert_same_records(seen, expected)
    assert later.evaluated_at == member.evaluated_at
    for name, value in member.model.named_parameters():
        assert torch.equal(value, dict(later.model.named_parameters())[name]), name


def assert_same_records(found, expected):
    assert [[(r.step, r.kind) for r in step] for step in found] == [[(r.step, r.kind) for r in s] for s in expected]
    for one, other in zip(itertools.chain(*found), itertools.chain(*expected), strict=True):
        assert one.values.keys() == other.values.keys()
        for key, value in other.values.items():
            np.testing.assert_array_equal(one.values[key], value)


def test_letting_nobody_go_copies_nothing():
    """A launcher asks after every step; a copy of the weights and averages would be a third of a step."""
    engine, _, _ = make_fleet([make_run("bert")])
    stack = engine._state.stack
    engine.release([])
    assert engine._state.stack is stack


def test_a_diverged_member_leaves_its_mates_alone():
    runs = [make_run("bert", seed=seed, clip=clip) for seed, clip in enumerate(("global", "tensor", "none"))]
    engine, members, _ = make_fleet(runs)
    healthy, _, _ = make_fleet(runs)
    steps_of(engine, 2), steps_of(healthy, 2)
    engine._state.stack.slot("bert.pooler.dense.bias").value[1, 3] = math.nan
    broken = engine._state.stack.weights(1)
    seen, expected = steps_of(engine, 1), steps_of(healthy, 1)
    assert [member.diverged_at for member in members] == [None, 3, None]
    assert [record.kind for record in seen[0][1]] == ["loss"]
    assert math.isnan(losses_of(seen, 1)[0])
    for index in (0, 2):
        assert losses_of(seen, index) == losses_of(expected, index)
        assert_close(engine._state.stack.weights(index), healthy._state.stack.weights(index))
    with pytest.raises(RuntimeError, match="release the members that are done"):
        engine.train_step()
    engine.release([members[1]])
    assert members[1].evaluated_at is None
    for name, value in members[1].model.named_parameters():
        torch.testing.assert_close(value.detach(), broken[name], rtol=0, atol=0, equal_nan=True)
    assert_close(engine._state.stack.weights(1), healthy._state.stack.weights(2))
    assert losses_of(steps_of(engine, 2), 1) == pytest.approx(losses_of(steps_of(healthy, 2), 2), rel=1e-5)


def test_the_best_evaluation_is_kept_and_the_first_of_equals():
    """Of those after an epoch (steps 2 and 4) and before the first step; NaN is never the best."""
    scores = {
        "mosbach-v1": [[0.1, 9, 0.5, 9, 0.5], [math.nan, 9, 0.3, 9, math.nan], [0.6, 9, 0.5, 9, 0.2]],
        "mosbach": [[0.9, 9, 0.5, 9, 0.1]],
    }

    def run(seed, name, given):
        scored = iter(given)
        data = dataclasses.replace(make_data("bert"), score=lambda logits: {"score": next(scored)})
        return make_run("bert", name, seed=seed, data=data, epochs=2, batch_size=15, evaluations=4)

    runs = [run(seed, name, given) for name, lists in scores.items() for seed, given in enumerate(lists)]
    engine, members, _ = make_fleet(runs)
    weights = [[engine._state.stack.weights(index) for index in range(4)]]
    for _ in range(4):
        engine.train_step()
        weights.append([engine._state.stack.weights(index) for index in range(4)])
    engine.release(members)
    assert [member.evaluated_at for member in members] == [2, 2, 0, 4]
    for index, member in enumerate(members):
        for name, value in member.model.named_parameters():
            assert torch.equal(value, weights[member.evaluated_at][index][name]), (index, name)


def test_where_memory_ends_in_an_evaluation_it_goes_on_in_parts(monkeypatch):
    """No step or record is lost, and nothing changes but rounding."""
    runs = [make_run("bert", "mosbach-v1", seed=seed, epochs=1, batch_size=15) for seed in range(5)]
    whole, members, _ = make_fleet(runs)
    expected = steps_of(whole, 2)
    engine, others, _ = make_fleet(runs)
    seen = steps_of(engine, 1)
    passed, sizes = engine._predictor._pass, []

    def short(stack, split, chunk):
        sizes.append(len(chunk))
        if len(chunk) > 2:
            raise torch.OutOfMemoryError
        return passed(stack, split, chunk)

    monkeypatch.setattr(engine._predictor, "_pass", short)
    seen += steps_of(engine, 1)
    assert sizes[0] > 2
    assert sizes[-1] <= 2
    for one, other in zip(seen[1], expected[1], strict=True):
        assert [record.kind for record in one] == [record.kind for record in other]
        np.testing.assert_allclose(one[2].values["logits dev"], other[2].values["logits dev"], rtol=1e-4, atol=1e-5)
    assert [member.best[1] for member in others] == [member.best[1] for member in members]


def test_memory_that_ends_in_the_gradients_leaves_the_step_to_be_tried_again(monkeypatch):
    runs = [make_run("bert", "mixout", seed=seed) for seed in range(2)]
    whole, _, _ = make_fleet(runs)
    engine, members, _ = make_fleet(runs)
    expected, seen = steps_of(whole, 3), steps_of(engine, 1)
    with monkeypatch.context() as patch:
        patch.setattr(torch.autograd, "backward", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError))
        with pytest.raises(torch.OutOfMemoryError):
            engine.train_step()
    members[1].resume = engine.state(members[1])
    engine.release([members[1]])
    seen += steps_of(engine, 2)
    other = FleetEngine(members[1].model)
    other.join([members[1]])
    later = steps_of(other, 2)
    np.testing.assert_allclose(losses_of(seen, 0), losses_of(expected, 0), rtol=1e-5)
    np.testing.assert_allclose(losses_of(later, 0), losses_of(expected, 1)[1:], rtol=1e-5)


def test_models_of_another_architecture_are_refused():
    engine, _, _ = make_fleet([make_run("albert")])
    # All have weights of the same shapes.
    for settings in ({"num_hidden_layers": 4}, {"num_attention_heads": 2}, {"layer_norm_eps": 1e-5}):
        other = make_run("albert", model=make_model("albert", **settings))
        with pytest.raises(ValueError, match="one architecture"):
            engine.join([other.member()])
    assert len(engine.train_step()) == 1


@dataclass(frozen=True)
class OwnLoss(Method):
    name: ClassVar[str] = "own"


@dataclass(frozen=True)
class Hooked(Diary):
    """Says that it trains in a fleet, and has hooks."""

    in_fleet: ClassVar[bool] = True


def test_a_method_with_hooks_is_refused_whatever_it_says():
    engine, _, _ = make_fleet([make_run("bert")])
    run = make_run("bert", "devlin")
    run.recipe = run.recipe + Hooked()
    with pytest.raises(UserError, match=r"Hooked' says that it trains in a fleet \(in_fleet\), and its treatment has"):
        engine.join([run.member()])
    assert len(engine.train_step()) == 1  # the others go on


class OwnProbe(Probe):
    """Looks at the modules, which a fleet's members share."""

    name = "own"
    needs = ("model",)


def test_what_a_fleet_can_train():
    config = make_model("bert").config
    assert fits_fleet(config, recipe("devlin"), make_probes({"drift": 1}))
    assert fits_fleet(config, recipe("mixout"))
    assert not fits_fleet(config, recipe("devlin") + OwnLoss())
    assert not fits_fleet(config, recipe("devlin"), [OwnProbe()])
    assert not fits_fleet(make_model("bert", hidden_act="silu").config, recipe("devlin"))
