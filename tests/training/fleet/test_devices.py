"""A stand-in for a GPU: a fleet on PyTorch's ``meta`` device, whose tensors have shapes and types and no numbers.

Every operator of a life of members (joining, a step, an evaluation, a checkpoint, going on, leaving) is looked at where
PyTorch dispatches it. One with tensors on two devices is refused, as a GPU refuses it or waits for it, but for copies
between them and single numbers; and the copies for which the host must wait are counted.

What this cannot know: numbers and dtypes' rounding, whether a kernel exists on a GPU, what it does with such shapes, how
fast it is, and how much memory it takes.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.fleets import ALL_PROBES, families, make_data, make_run
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seedproof.training.fleet.engine import FleetEngine

aten = torch.ops.aten
METHODS = "llrd + reinit(layers=1) + pretrained_decay + tensor_clip + ema(decay=0.9)"
NOT_SHARED = "reinit(layers=0) + pretrained_decay + tensor_clip + ema(decay=0.9)"
"""Without what goes by the depth of a layer, which ALBERT's shared layers do not have."""


class OneDevice(TorchDispatchMode):
    """Refuses operators over two devices, and gives zeros for what is copied to the host."""

    def __init__(self):
        super().__init__()
        self.waits = 0
        """Copies from the device, for which the host waits."""
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.seen.add(function)
        if function is aten._to_copy.default and args[0].is_meta and kwargs.get("device") == torch.device("cpu"):
            self.waits += 1
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        if function is aten.copy_.default and args[1].is_meta and not args[0].is_meta:
            self.waits += 1
            return args[0].zero_()
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor) and each.ndim]
        if function not in (aten._to_copy.default, aten.copy_.default):
            assert len({each.device for each in tensors}) <= 1, f"{function} has tensors on two devices"
        return function(*args, **kwargs)


def alike(family):
    """Seeds of one recipe: PyTorch's fused kernel takes their step."""
    return [make_run(family, "mosbach", seed=seed, dropout=0.1) for seed in range(2)]


def mixed(family):
    """Members that differ in everything that may differ, methods included."""
    methods = NOT_SHARED if family == "albert" else METHODS
    return [
        make_run(family, "devlin", seed=1, clip="none"),
        make_run(family, "mosbach-v1", seed=2, batch_size=4, clip="tensor", data=make_data(family, 3, longest=5)),
        make_run(family, "mixout", seed=3, legacy_gradient=True, select="best"),
        make_run(family, f"mosbach + {methods}", seed=4, dropout=0.1, weight_decay=0.01),
    ]


def fleet_of(runs, precision):
    runs = [dataclasses.replace(run, plan=dataclasses.replace(run.plan, evaluate_after=frozenset({2}))) for run in runs]
    members = [run.member() for run in runs]
    engine = FleetEngine(members[0].model, precision=precision, device="meta")
    engine.join(members)
    return engine, members


@families
@pytest.mark.parametrize("runs_of", [alike, mixed])
@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=pytest.mark.slow)])
def test_nothing_is_computed_over_two_devices(family, runs_of, precision):
    with OneDevice() as device:
        engine, members = fleet_of(runs_of(family), precision)
        engine.train_step()
        arrays, extra = engine.state(members[0])
        engine.train_step()  # with an evaluation
        members[0].resume = (arrays, extra)
        engine.release(members[:1])
        engine.join(members[:1])
        engine.train_step()
        members[1].step = members[1].steps
        engine.release(members[1:2])
    assert {aten.bmm.default, aten.native_layer_norm_backward.default} <= device.seen  # the backward pass is looked at


@pytest.mark.slow
@pytest.mark.parametrize(
    ("probes", "step", "waits"),
    [
        ({}, 1, 1),  # losses
        ({"gradients": 1}, 1, 1),  # and norms with them
        ({"early": 1}, 1, 1),  # and what is seen of the batch
        ({}, 2, 3),  # losses; logits and saturation of the one split
        (ALL_PROBES, 2, 4),  # losses and norms; distances, logits and saturation
    ],
)
@pytest.mark.parametrize("members", [1, 3])
def test_the_host_waits_for_what_is_recorded_and_once_for_all_members(probes, step, waits, members):
    runs = [make_run("bert", "mosbach", seed, probes=probes, dropout=0.1) for seed in range(members)]
    with OneDevice() as device:
        engine, _ = fleet_of(runs, "fp32")
        for _ in range(step):
            device.waits = 0
            engine.train_step()
    assert device.waits == waits


def test_an_operator_over_two_devices_is_refused():
    with OneDevice(), pytest.raises(AssertionError, match="two devices"):
        torch.zeros(3, device="meta").index_select(0, torch.zeros(2, dtype=torch.int64))
    with OneDevice(), pytest.raises(RuntimeError):  # and a look at a number, for which the host would wait unseen
        torch.zeros(3, device="meta").sum().item()
