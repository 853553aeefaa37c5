"""The recording of the first steps: each signal against its definition, the same in both engines, and no bit of a run changed."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandas as pd
import pytest
import torch
from tests.engines import assert_same, losses, make_engine, records, weights
from tests.fleets import make_fleet, make_run
from tests.probes.test_probes import make_tiny_electra

from seedproof.analysis.early import early_frame
from seedproof.execution.recording import DEFAULT_RECORDINGS, Recording
from seedproof.probes.early import DISTANCES_EVERY, STEPS, Early, measured, of_batch, packed, unpacked

EARLY = {"early": 1}


def early(found):
    return measured([{"step": r.step, **r.values} for r in found if r.kind == "early"])


def test_it_is_off_unless_asked_for_and_says_which_steps_it_looks_at():
    assert "early" not in DEFAULT_RECORDINGS
    assert Recording(probes={"early": 5}).in_words().startswith("early every 5 steps of the first 100; ")
    assert [step for step in range(1, 3 * STEPS) if Early().looks(step)] == list(range(1, STEPS + 1))
    assert [step for step in range(1, 30) if "distances" in Early().needed(step)] == [10, 20]


def test_every_signal_is_what_its_definition_says(tiny_model, small_task):
    """Beside stock PyTorch on a copy of the model as each step finds it; clipping comes after."""
    settings = {"dropout": 0.0, "max_steps": DISTANCES_EVERY + 1, "max_grad_norm": 1e-3, "evaluations": 1}
    engine = make_engine(tiny_model, small_task, probes=EARLY, **settings)
    start, found, expected = copy.deepcopy(engine.model), [], []
    steps = engine.run()
    found += next(steps)
    for step in range(DISTANCES_EVERY + 1):
        model = copy.deepcopy(engine.model).train()
        pooled = []
        model.bert.pooler.register_forward_hook(lambda _m, _i, output, kept=pooled: kept.append(output))
        output = model(**engine._data.train.batch(engine._plan.batches[step], torch.device("cpu")))
        output.loss.backward()
        probabilities = output.logits.detach().double().softmax(-1)
        pairs = zip(model.parameters(), start.parameters(), strict=True)
        expected.append(
            {
                "norms": [value.grad.norm().item() for value in model.parameters()],
                "entropy": -(probabilities * probabilities.log()).sum(-1).mean().item(),
                # Of two classes each centred logit is half of the difference, with either sign.
                "spread": (output.logits[:, 0] - output.logits[:, 1]).div(2).std(correction=0).item(),
                "counts": output.logits.argmax(-1).bincount(minlength=2).tolist(),
                "saturated": (pooled[0].abs() > 0.99).float().mean().item(),
                "distances": [(now - then).norm().item() for now, then in pairs],
            }
        )
        found += next(steps)
    seen = [record for record in early(found) if "norms" in record]
    assert [record["step"] for record in seen] == list(range(1, DISTANCES_EVERY + 2))
    for record, known in zip(seen, expected, strict=True):
        assert ("distances" in record) is (record["step"] == DISTANCES_EVERY)
        assert record["counts"] == known["counts"]
        for name in ("entropy", "spread", "saturated"):
            assert record[name] == pytest.approx(known[name], rel=1e-5, abs=1e-7), name
        for name in ("norms", "distances"):
            if name in record:
                np.testing.assert_allclose(record[name], known[name], rtol=3e-3, atol=1e-6, err_msg=name)


def test_what_outputs_look_like_by_hand():
    third = math.log(3.0)  # of two logits this far apart, one has probability 3/4
    seen = of_batch(np.array([[third, 0.0], [0.0, 0.0], [0.0, third], [0.0, third]], np.float32))
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert seen["entropy"] == pytest.approx((3 * quarter + math.log(2)) / 4)
    assert seen["counts"] == [2, 2]
    halves = np.array([third, 0, -third, -third]) / 2
    assert seen["spread"] == pytest.approx(halves.std())
    constant = of_batch(np.full((5, 3), 7.0))
    assert constant == {"entropy": pytest.approx(math.log(3)), "spread": 0.0, "counts": [5, 0, 0]}
    assert of_batch(np.array([[1.0], [3.0]])) == {"spread": 1.0}  # one output: no labels to predict
    broken = of_batch(np.array([[math.inf, 0.0], [0.0, 1.0]]))
    assert math.isnan(broken["entropy"])
    assert math.isnan(broken["spread"])
    assert broken["counts"] == [0, 1]


def test_each_of_several_labels_has_an_entropy_and_a_prediction_of_its_own():
    """By hand: a logit of log 3 is a probability of 3/4, one of 0 predicts nothing, and no logit is less its mean."""
    third = math.log(3.0)
    seen = of_batch(np.array([[third, third, -third], [third, 0.0, -third]]), several=True)
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert seen["entropy"] == pytest.approx((5 * quarter + math.log(2)) / 6)
    assert (seen["counts"], seen["examples"]) == ([2, 1, 0], 2)
    assert seen["spread"] == pytest.approx(third / 2 / math.sqrt(3))
    broken = of_batch(np.array([[math.inf, 0.0], [1.0, 1.0]]), several=True)
    assert math.isnan(broken["entropy"])
    assert (broken["counts"], broken["examples"]) == ([1, 1], 1)


@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_a_task_of_several_labels_is_recorded_as_one(engine):
    """In both engines; shares in the table are of the examples, of which each may have all labels or none."""
    run = make_run("bert", labels=3, several=True, max_steps=1, probes=EARLY)
    if engine == "plain":
        found = records(run.plain())
    else:
        fleet, _, start = make_fleet([run])
        found = start[0] + fleet.train_step()[0]
    seen = next(r.values for r in found if r.kind == "early" and "counts" in r.values)
    assert seen["examples"] == 7
    runs = pd.DataFrame([{"task": "t", "model": "m", "recipe": "r", "seed": 0, "run": "x"}])
    row = early_frame(runs, {"x": [{"step": r.step, "kind": r.kind, **r.values} for r in found]}).iloc[0]
    assert [row[f"share_{label}"] for label in range(3)] == [count / 7 for count in seen["counts"]]


def test_packed_norms_keep_what_matters():
    norms = np.float32(10.0) ** np.linspace(-5, 5, 101, dtype=np.float32)
    assert packed(norms).nbytes == 2 * len(norms)
    np.testing.assert_allclose(unpacked(packed(norms)), norms, rtol=3e-3)
    everywhere = np.array([1e-45, 1e-38, 3e38], np.float32)
    np.testing.assert_allclose(unpacked(packed(everywhere)), everywhere, rtol=0.05)
    np.testing.assert_array_equal(unpacked(packed(np.array([0.0, np.inf, np.nan]))), [0.0, np.inf, np.nan])


@pytest.mark.parametrize("labels", [2, 1])
@pytest.mark.parametrize("family", ["bert", pytest.param("roberta", marks=pytest.mark.slow)])
def test_a_fleet_records_what_the_plain_engine_records(family, labels):
    """Members with other batches and other schedules, one that makes no recording."""
    given = {"labels": labels, "max_steps": DISTANCES_EVERY, "learning_rate": 1e-4, "evaluations": 1}
    runs = [
        make_run(family, "mosbach", 1, probes=EARLY, **given),
        make_run(family, "devlin", 2, probes={}, **given),
        make_run(family, "devlin", 3, probes={"early": 5, "gradients": 1}, batch_size=5, clip="tensor", **given),
    ]
    engine, _, seen = make_fleet(runs)
    for _ in range(DISTANCES_EVERY):
        for kept, more in zip(seen, engine.train_step(), strict=True):
            kept += more
    assert early(seen[1]) == []
    for run, found in zip((runs[0], runs[2]), (early(seen[0]), early(seen[2])), strict=True):
        expected = early(records(run.plain()))
        assert len(found) == len(expected) == 1 + (DISTANCES_EVERY if run is runs[0] else 3)
        for one, other in zip(found, expected, strict=True):
            assert one.keys() == other.keys()
            assert one.get("names") == other.get("names")
            assert one.get("counts") == other.get("counts")
            for name in {"entropy", "spread", "saturated"} & other.keys():
                assert one[name] == pytest.approx(other[name], rel=1e-3, abs=1e-6), name
            for name in ("norms", "distances"):
                if name in other:
                    np.testing.assert_allclose(one[name], other[name], rtol=1e-2, atol=1e-4, err_msg=name)


def test_it_changes_no_bit_of_a_plain_run(tiny_model, small_task):
    without, recorded = (make_engine(tiny_model, small_task, probes=probes) for probes in ({}, EARLY))
    assert losses(without) == losses(recorded)
    assert_same(weights(without), weights(recorded))


@pytest.mark.parametrize("clip", ["global", "tensor"])
def test_it_changes_no_bit_of_a_fleet(clip):
    """Clipping by tensor uses the norms that were recorded."""
    fleets = [
        make_fleet([make_run("bert", seed=s, probes=p, clip=clip, dropout=0.1, max_grad_norm=0.1) for s in (1, 2)])[0]
        for p in ({}, EARLY)
    ]
    seen = [[[r[0].values["loss"] for r in fleet.train_step()] for _ in range(DISTANCES_EVERY)] for fleet in fleets]
    assert seen[0] == seen[1]
    for index in (0, 1):
        assert_same(*(fleet._state.stack.weights(index) for fleet in fleets))


def test_of_a_head_without_tanh_no_saturation_is_recorded(tmp_path, small_task):
    engine = make_engine(make_tiny_electra(tmp_path / "electra"), small_task, max_steps=1, probes=EARLY)
    _, step = early(records(engine))
    assert step.keys() == {"step", "norms", "total", "entropy", "spread", "counts"}


def test_passes_of_a_method_are_seen_together():
    """R-Drop shows each batch to the model twice."""
    run = make_run("bert", "devlin + rdrop", probes=EARLY, max_steps=1, dropout=0.1)
    _, step = early(records(run.plain()))
    assert sum(step["counts"]) == 2 * run.recipe.batch_size
