"""A loop over members is not a fleet: the number of operator calls of a step is the same for two members and for six.

Counted where PyTorch dispatches them, at a step with everything on: dropout, Mixout, both kinds of clipping, all probes,
selection of the best weights, an evaluation.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import pytest
from tests.fleets import FAMILIES, make_data, make_fleet, make_run
from torch.utils._python_dispatch import TorchDispatchMode


class Calls(TorchDispatchMode):
    """Counts every operator."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[str(function)] += 1
        return function(*args, **(kwargs or {}))


def runs_of(family, count):
    """Members of every kind, in turn; all are evaluated after every step, and each time better than before."""
    scores = itertools.count()
    data = dataclasses.replace(make_data(family), score=lambda logits: {"score": float(next(scores))})
    settings = [
        ("devlin", {"clip": "global"}),
        ("mixout", {"clip": "tensor"}),
        ("mosbach-v1", {"clip": "none", "batch_size": 5}),
    ]
    return [
        make_run(family, name, seed=seed, evaluations=15, dropout=0.0 if name == "mixout" else 0.1, data=data, **given)
        for seed in range(count // len(settings))
        for name, given in settings
    ]


def calls_of_second_step(family, runs):
    engine, _, _ = make_fleet(runs)
    engine.train_step()  # the first makes what is kept: slots, tables of hashes
    with Calls() as calls:
        records = engine.train_step()
    kinds = [{record.kind for record in seen} for seen in records]
    pooler = {"pooler"} if engine._architecture.has_tanh_pooler else set()
    assert kinds == [{"loss", "gradients", "evaluation", "drift"} | pooler] * len(runs)
    return calls.counts


@pytest.mark.parametrize(
    "family", ["bert", *(pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES if family != "bert")]
)
def test_calls_do_not_grow_with_members(family):
    calls_of_second_step(family, runs_of(family, 9))  # makes what every fleet of the process shares
    few, many = (calls_of_second_step(family, runs_of(family, count)) for count in (3, 9))
    assert sum(few.values()) > 100
    assert many == few
