"""Each probe records what it says, and nothing else changes (that is a test of the engine)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import make_tiny_model
from tests.engines import make_engine, records
from tests.fleets import make_run
from transformers import ElectraConfig, ElectraForSequenceClassification

from seedproof.errors import UserError
from seedproof.miniature.tokenizer import make_tokenizer
from seedproof.probes import make_probes
from seedproof.probes.base import NEEDS, Probe
from seedproof.spec import Seeds
from seedproof.training.fleet.engine import FleetEngine


def test_gradient_norms_are_those_before_clipping(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, max_grad_norm=1e-3)
    names = next(r.values["names"] for r in records(engine) if r.kind == "gradients")
    fresh = make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, max_grad_norm=1e-3)
    batch = fresh._data.train.batch(fresh._plan.batches[0], torch.device("cpu"))
    fresh.model.train()(**batch).loss.backward()
    expected = [p.grad.norm().item() for _, p in fresh.model.named_parameters()]
    seen = [
        r
        for r in records(make_engine(tiny_model, small_task, max_steps=2, dropout=0.0, max_grad_norm=1e-3))
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
    fractions = [r.values["saturated"] for r in records(engine) if r.kind == "pooler"]
    assert len(fractions) == 1
    assert 0.0 <= fractions[0] < 0.5


def test_the_total_is_the_norm_of_all(tiny_model, small_task):
    seen = [r.values for r in records(make_engine(tiny_model, small_task, max_steps=2)) if r.kind == "gradients"]
    for values in seen[1:]:
        # To the bit: a run of an earlier version goes on to the journal that it was to have.
        assert values["total"] == np.linalg.norm(values["norms"].astype(np.float64))


def test_a_head_without_tanh_has_no_saturation(tmp_path, small_task):
    engine = make_engine(make_tiny_electra(tmp_path / "electra"), small_task, max_steps=1, probes={"pooler": 1})
    assert [record.kind for record in records(engine)] == ["loss", "evaluation"]


def make_tiny_electra(folder):
    tokenizer = make_tokenizer("bert")
    sizes = {"hidden_size": 8, "embedding_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    config = ElectraConfig(**sizes, num_hidden_layers=1, vocab_size=len(tokenizer))
    ElectraForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_probe_of_evaluations_looks_at_every_so_manieth(tiny_model, small_task):
    engine = make_engine(tiny_model, small_task, max_steps=6, evaluations=6, probes={"pooler": 2, "drift": 1})
    seen = [(r.step, r.kind) for r in records(engine)]
    assert [step for step, kind in seen if kind == "pooler"] == [1, 2, 4, 6]
    every = make_engine(tiny_model, small_task, max_steps=6, evaluations=6, probes={"pooler": 1})
    fractions = {r.step: r.values for r in records(every) if r.kind == "pooler"}
    again = make_engine(tiny_model, small_task, max_steps=6, evaluations=6, probes={"pooler": 2})
    assert all(fractions[r.step] == r.values for r in records(again) if r.kind == "pooler")


def test_an_unknown_probe_is_named():
    with pytest.raises(UserError, match="did you mean 'gradients'"):
        make_probes({"gradient": 1})


class Everything(Probe):
    """Notes all that there is to see in both engines."""

    name = "everything"

    def __init__(self, looks_at: str) -> None:
        super().__init__()
        self.looks_at = looks_at
        self.needs = tuple(need for need, when in NEEDS.items() if need != "model" and {looks_at, "start"} & {*when})

    def start(self, observation):
        return {"weight": sum(float(value.sum()) for value in observation.weights.values())}

    def observe(self, observation):
        seen = {need: getattr(observation, need) for need in self.needs if self.looks_at in NEEDS[need]}
        return {f"{need} {name}": np.asarray(value) for need in seen for name, value in _entries(seen[need])}


def _entries(value):
    return value.items() if hasattr(value, "items") else [("", value)]


@pytest.mark.parametrize("looks_at", ["steps", "evaluations"])
def test_both_engines_show_the_same(looks_at):
    run = make_run("bert", max_steps=2, learning_rate=1e-4)
    plain = run.plain()
    plain = type(plain)(
        plain.model, run.recipe, run.plan, run.data, seeds=Seeds.from_number(run.seed), probes=[Everything(looks_at)]
    )
    member = run.member()
    member.probes = [Everything(looks_at)]
    engine = FleetEngine(member.model)
    [found] = engine.join([member])
    found += [record for _ in range(2) for [records] in [engine.train_step()] for record in records]
    expected = [record for record in records(plain) if record.kind == "everything"]
    found = [record for record in found if record.kind == "everything"]
    assert len(expected) == len(found) == {"steps": 3, "evaluations": 2}[looks_at]
    for one, other in zip(found, expected, strict=True):
        assert one.step == other.step
        assert one.values.keys() == other.values.keys()
        for key, value in other.values.items():
            np.testing.assert_allclose(one.values[key], value, rtol=1e-3, atol=1e-4, err_msg=key)


class Greedy(Probe):
    name = "greedy"
    needs = ("scores",)

    def observe(self, observation):
        return {"loss": observation.loss}


def test_a_probe_sees_what_it_needs_and_no_more():
    run = make_run("bert", max_steps=1)
    member = run.member()
    member.probes = [Greedy()]
    engine = FleetEngine(member.model)
    engine.join([member])
    with pytest.raises(UserError, match=r"'greedy' ends at step 1 with LookupError: .*'loss'.*--record greedy=off"):
        engine.train_step()


def test_what_is_frozen_has_no_gradient_norm_and_is_in_no_total():
    """NaN is no 0, which would say that the gradients of the lower layers vanished."""
    run = make_run("bert", "devlin + freeze(layers=1, every=0.4)", probes={"gradients": 1, "early": 1})
    found = [r.values for r in records(run.plain()) if r.kind in ("gradients", "early")]
    names = found[0]["names"]
    low = np.array(["embeddings" in name or "layer.0." in name for name in names])
    for values in found[2:4]:  # both recordings of the first step
        assert np.isnan(values["norms"]).tolist() == low.tolist()
    assert found[2]["total"] == pytest.approx(np.linalg.norm(found[2]["norms"][~low].astype(float)))
    assert not np.isnan(found[-1]["norms"]).any()


@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_a_gradient_that_is_not_a_number_is_infinite_and_not_missing(engine, monkeypatch):
    """In both engines alike."""
    run = make_run("bert", clip="none", max_steps=1, probes={"gradients": 1})
    if engine == "plain":
        plain = run.plain()
        plain.model.classifier.weight.register_hook(lambda gradient: gradient * float("nan"))
        found = records(plain)
    else:
        fleet = FleetEngine(run.model)
        fleet.join([run.member()])
        monkeypatch.setattr(fleet._state.stack, "norms", lambda slabs: torch.full((1, len(list(slabs))), float("nan")))
        found = fleet.train_step()[0]
    norms = next(r.values["norms"] for r in found if "norms" in r.values)
    assert np.isinf(norms).any()
    assert not np.isnan(norms).any()
