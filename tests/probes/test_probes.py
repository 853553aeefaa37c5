"""Each probe records what it says, and nothing else changes (that is a test of the engine)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import make_tiny_model
from tests.engines import make_engine, records
from transformers import ElectraConfig, ElectraForSequenceClassification

from seedproof.errors import UserError
from seedproof.probes import make_probes


def test_gradient_norms_are_those_before_clipping(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, clip_norm=1e-3)
    names = next(r.values["names"] for r in records(engine) if r.kind == "gradients")
    fresh = make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, clip_norm=1e-3)
    batch = fresh._data.train.batch(fresh._plan.batches[0], torch.device("cpu"))
    fresh.model.train()(**batch).loss.backward()
    expected = [p.grad.norm().item() for _, p in fresh.model.named_parameters()]
    seen = [
        r
        for r in records(make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, clip_norm=1e-3))
        if r.kind == "gradients" and "norms" in r.values
    ]
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


def test_the_total_is_the_norm_of_all(tiny_model, small_task):
    seen = [r.values for r in records(make_engine(tiny_model, small_task, max_steps=2)) if r.kind == "gradients"]
    for values in seen[1:]:
        assert values["total"] == pytest.approx(np.sqrt((values["norms"].astype(float) ** 2).sum()))


def test_a_head_without_tanh_has_no_saturation():
    sizes = {
        "hidden_size": 8,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "vocab_size": 9,
    }
    model = ElectraForSequenceClassification(ElectraConfig(**sizes, embedding_size=8)).eval()
    [probe] = make_probes({"pooler": 1})
    probe.attach(model)
    probe.before_evaluation()
    model(torch.ones(1, 4, dtype=torch.long))
    assert probe.after_evaluation(model) is None


def test_an_unknown_probe_is_named():
    with pytest.raises(UserError, match="did you mean 'gradients'"):
        make_probes({"gradient": 1})
