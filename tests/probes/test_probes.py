"""Each probe records what it says, and nothing else changes (that is a test of the engine)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import make_tiny_model
from tests.engines import make_engine, records

from seedproof.errors import UserError
from seedproof.probes import make_probes


def test_gradient_norms_are_those_before_clipping(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, clip_norm=1e-3)
    names = next(r.values["names"] for r in records(engine) if r.kind == "gradients")
    fresh = make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, clip_norm=1e-3)
    batch = fresh._data.train.batch(fresh._plan.batches[0], torch.device("cpu"))
    fresh.model.train()(**batch).loss.backward()
    expected = [p.grad.norm().item() for _, p in fresh.model.named_parameters()]
    seen = [r for r in records(make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, clip_norm=1e-3))
            if r.kind == "gradients" and "norms" in r.values]  # fmt: skip
    assert [r.step for r in seen] == [1, 2]
    np.testing.assert_allclose(seen[0].values["norms"], expected, rtol=1e-5)
    assert names == [name for name, _ in fresh.model.named_parameters()]


def test_drift_starts_at_zero_and_is_a_distance(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task, "mosbach-v1", max_steps=1)
    start = [p.detach().clone() for p in engine.model.parameters()]
    drift = {r.step: r.values["distances"] for r in records(engine) if r.kind == "drift" and "distances" in r.values}
    assert not drift[0].any()
    assert len(drift[1]) == len(start)


@pytest.mark.parametrize("family", ["bert", "roberta", "albert"])
def test_the_pooler_is_watched_in_every_family(tmp_path, small_task, family):
    engine = make_engine(make_tiny_model(family, tmp_path / family), small_task, max_steps=1)
    shares = [r.values["saturated"] for r in records(engine) if r.kind == "pooler"]
    assert len(shares) == 1
    assert 0.0 <= shares[0] < 0.5


def test_an_unknown_probe_is_named():
    with pytest.raises(UserError, match="did you mean 'gradients'"):
        make_probes({"gradient": 1})
