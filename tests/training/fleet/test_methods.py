"""Methods in a fleet: each does there what it does in the plain engine, beside mates that have others or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.fleets import families, make_data, make_fleet, make_run
from tests.training.fleet.test_calls import calls_of_second_step
from tests.training.fleet.test_engine import compare

EACH = ("llrd(decay=0.6)", "reinit(layers=1)", "pretrained_decay", "tensor_clip(norm=0.02)", "ema(decay=0.7)")
ALL = " + ".join(EACH)
IN_ALBERT = "reinit(layers=0) + pretrained_decay + tensor_clip(norm=0.02) + ema(decay=0.7)"
"""Without what goes by the depth of a layer: ALBERT's share their weights."""
STRONG = {"weight_decay": 0.4, "learning_rate": 0.01}
TOLERANCES = (1e-7, 1e-6, 1e-3)


def beside_mates(family, name, **given):
    """A run, and mates with another method, in another order of decay, and with none."""
    mate = "tensor_clip(norm=0.1) + ema(decay=0.5)" if family == "albert" else "pretrained_decay + llrd(decay=0.9)"
    return [
        make_run(family, name, seed=1, **STRONG, **given),
        make_run(
            family,
            f"mosbach + {mate}",
            seed=2,
            batch_size=4,
            data=make_data(family, 3, longest=5),
            decay="old",
            **STRONG,
        ),
        make_run(family, "mixout", seed=3, clip="tensor"),
    ]


@pytest.mark.parametrize("name", EACH)
def test_a_step_with_each_is_that_of_the_plain_engine(name):
    compare(beside_mates("bert", f"devlin + {name}"), "fp64", *TOLERANCES)


@pytest.mark.slow
@families
def test_a_step_with_all_of_them_is_that_of_the_plain_engine(family):
    name = IN_ALBERT if family == "albert" else ALL
    compare(beside_mates(family, f"devlin + {name}"), "fp64", *TOLERANCES)


@pytest.mark.slow
@pytest.mark.parametrize("decay", ["old", "updated"])
@pytest.mark.parametrize("name", ["devlin", "devlin-bertadam"])
def test_members_that_are_alike_take_that_step_too(decay, name):
    """Theirs is the fused kernel's."""
    runs = [make_run("bert", f"{name} + {ALL}", seed=seed, decay=decay, clip="global", **STRONG) for seed in (1, 2)]
    compare(runs, "fp64", *TOLERANCES)


def test_factors_that_differ_inside_of_a_slab():
    """A method of somebody's own may treat the matrices of one layer differently."""
    runs = [make_run("bert", seed=seed, decay=decay, **STRONG) for seed, decay in enumerate(("old", "updated"))]
    factors = {"bert.encoder.layer.1.attention.self.query.weight": 0.25, "classifier.weight": 3.0}
    engine, members, _ = make_fleet(runs, "fp64")
    alone = [make_fleet([run], "fp64")[0] for run in runs]
    for one in (engine, *alone):
        for index in range(len(one.members)):
            one._state.effects.set(index, type(members[0].effects)(rate_factors=factors))
    before = engine._state.stack.weights(0)
    for one in (engine, *alone):
        one.train_step(), one.train_step()
    for index, other in enumerate(alone):
        for name, value in other._state.stack.weights(0).items():
            torch.testing.assert_close(engine._state.stack.weights(index)[name], value, rtol=1e-9, atol=1e-12, msg=name)
    plain, _, _ = make_fleet(runs, "fp64")
    plain.train_step(), plain.train_step()
    moved, usual = (one._state.stack.weights(0) for one in (engine, plain))
    for name, factor in factors.items():
        ratio = (moved[name] - before[name]).norm() / (usual[name] - before[name]).norm()
        assert float(ratio) == pytest.approx(factor, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mosbach", "mosbach-v1"])
def test_whole_runs_evaluate_and_keep_the_same_weights(name):
    """With averages and without, the best or the last; the distances from the start are those of what is evaluated."""
    given = {"epochs": 2.0, "evaluations": 10, **STRONG}
    runs = [
        make_run("bert", f"{name} + {method}", seed=1, **given)
        for method in ("ema(decay=0.7)", "llrd", "pretrained_decay")
    ]
    engine, members, start = make_fleet(runs, "fp64")
    seen = [list(start)] + [engine.train_step() for _ in range(10)]
    engine.release(members)
    for index, (run, member) in enumerate(zip(runs, members, strict=True)):
        plain = run.plain("fp64")
        expected = [record for records in plain.run() for record in records]
        found = [record for records in seen for record in records[index]]
        assert [(r.step, r.kind) for r in found] == [(r.step, r.kind) for r in expected]
        for one, other in zip(found, expected, strict=True):
            for key in {"logits dev", "distances"} & other.values.keys():
                np.testing.assert_allclose(one.values[key], other.values[key], rtol=1e-4, atol=1e-5)
        assert member.evaluated_at == plain.evaluated_at
        for key, value in member.model.named_parameters():
            torch.testing.assert_close(value.double(), plain.model.get_parameter(key), rtol=1e-4, atol=1e-6, msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [(ALL,), (ALL, *EACH)], ids=["alike", "mixed"])
def test_calls_do_not_grow_with_members(kinds):
    def runs_of(count):
        named = [f"mosbach + {name}" for _ in range(count) for name in kinds]
        return [make_run("bert", name, seed=seed, evaluations=15, dropout=0.1) for seed, name in enumerate(named)]

    calls_of_second_step("bert", runs_of(3))  # makes what every fleet of the process shares
    few, many = (calls_of_second_step("bert", runs_of(count)) for count in (1, 3))
    assert many == few


def test_what_nobody_asks_for_takes_no_memory():
    engine, _, _ = make_fleet([make_run("bert", seed=seed) for seed in range(2)])
    assert not engine._state.averaged
    assert engine._state.effects.targets == [None] * len(engine._state.stack.values)
