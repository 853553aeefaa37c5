"""LoRA trains updates, pooler and head, and nothing else; kept weights are a stock model, and the adapter answers as the run."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from tests.fleets import make_model, make_run, plain_steps

import seedproof as sp
from seedproof.errors import UserError
from seedproof.methods import method

QUERY = "bert.encoder.layer.0.attention.self.query"


def test_only_updates_pooler_and_head_move_and_names_are_stock_again():
    run = make_run("bert", "mosbach-v1 + lora(rank=2, targets=query)", weight_decay=0.1)
    start = {name: value.clone() for name, value in run.model.state_dict().items()}
    engine = run.plain()
    list(engine.run())
    ended = engine.model.state_dict()
    moved = {name for name in start if not torch.equal(ended[name], start[name])}
    queries = {f"bert.encoder.layer.{layer}.attention.self.query.weight" for layer in range(3)}
    assert ended.keys() == start.keys()
    assert moved == queries | {
        f"{name}.{part}" for name in ("bert.pooler.dense", "classifier") for part in ("weight", "bias")
    }
    assert torch.linalg.matrix_rank(ended[f"{QUERY}.weight"] - start[f"{QUERY}.weight"], atol=1e-5) <= 2
    assert all(value.requires_grad for value in engine.model.parameters())


def test_training_begins_at_the_pre_trained_model():
    run = make_run("bert", "mosbach-v1 + lora(rank=2, dropout=0.5)")
    split = run.data.evaluation["dev"]
    assert np.array_equal(run.plain().predict(split), make_run("bert").plain().predict(split))


def test_a_step_is_that_of_the_two_factors():
    """W + (alpha / r) B A: the gradient of B is (alpha / r) G A', with G the gradient that W would have."""
    run = make_run("bert", "mosbach-v1 + lora(rank=2, alpha=3, targets=query)", dropout=0.0)
    plain, engine = make_run("bert", "mosbach-v1", dropout=0.0).plain("fp64"), run.plain("fp64")
    factor = engine.model.get_submodule(QUERY).lora_A["default"].weight.detach().clone()
    _, of_all = plain_steps(plain, 1)
    _, of_factors = plain_steps(engine, 1)
    expected = 1.5 * of_all[0][0][f"{QUERY}.weight"] @ factor.T
    torch.testing.assert_close(of_factors[0][0][f"{QUERY}.lora_B.default.weight"], expected, rtol=1e-9, atol=1e-12)


def test_probes_see_a_matrix_as_it_acts():
    run = make_run("bert", "mosbach-v1 + lora(rank=2, alpha=3, targets=query)")
    engine = run.plain()
    for _ in range(3):
        engine._train_step()
    seen = engine._view.see(frozenset({"weights"}))["weights"]
    layer = engine.model.get_submodule(QUERY)
    update = 1.5 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    start = run.model.get_parameter(f"{QUERY}.weight")
    torch.testing.assert_close(seen[f"{QUERY}.weight"] - start, update.detach(), atol=1e-6, rtol=1e-4)
    assert list(seen) == [name for name, _ in run.model.named_parameters()]
    assert f"{QUERY}.weight" in engine._watch.trained
    assert f"{QUERY}.bias" not in engine._watch.trained


@pytest.mark.parametrize("family", ["roberta", "distilbert", "albert", "electra"])
def test_no_part_of_a_head_is_left_frozen(family):
    """PEFT's default trains modules called classifier or score: DistilBERT's first layer would stay as it was drawn."""
    run = make_run(family, "mosbach-v1 + lora(rank=2)")
    engine = run.plain()
    prefix = f"{engine.model.base_model_prefix}."
    head = [value for name, value in engine.model.named_parameters() if not name.startswith(prefix)]
    assert len(head) >= 2
    assert all(value.requires_grad for value in head)


def test_targets_that_are_not_there_are_refused_with_those_that_are():
    with pytest.raises(
        UserError, match=r"unknown target 'keys'.*did you mean 'key'\? \(one of: query, key, value, .*, all\)"
    ):
        method("lora", targets="query, keys").check_model(make_model("bert"))
    with pytest.raises(UserError, match=r"query.*q_lin"):
        method("lora", targets="q_proj").check_model(make_model("distilbert"))
    assert len(method("lora", targets="q_lin").matrices(make_model("distilbert"))) == 3
    assert len(method("lora", targets="all").matrices(make_model("bert"))) == 18


@pytest.mark.parametrize("other", ["freeze", "reinit", "mixout", "pretrained_decay"])
def test_what_decides_the_same_is_refused(other):
    with pytest.raises(UserError, match="both decide"):
        sp.recipe(f"mosbach + {other} + lora")


def test_without_peft_a_study_says_what_to_install(monkeypatch):
    monkeypatch.setattr("seedproof.methods.lora.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package peft.*pip install 'seedproof\[lora\]'"):
        make_run("bert", "mosbach-v1 + lora")


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-3, 1e30], ids=["ends", "diverges"])
def test_kept_weights_open_in_stock_transformers_and_the_adapter_in_peft(rate, tiny_model, small_task, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    study = sp.Study(
        "lora",
        tasks=[small_task],
        models=[str(tiny_model)],
        recipes=['mosbach + lora(rank=2, targets="query,value,intermediate")'],
        settings={"learning_rate": rate, "max_steps": 6, "weight_decay": 0.0},
        seeds=1,
        recording=sp.Recording(weights=True),
    )
    results = study.run(tmp_path / "s", launcher="inline", progress=False)
    [run] = results.runs()["run"]
    folder = tmp_path / "s" / "runs" / run / "weights"
    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    if rate > 1:
        assert results.runs()["reason"].tolist() == ["diverged"]
        return
    base = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=small_task.num_labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks Transformers for a name that goes
        adapted = PeftModel.from_pretrained(base, folder / "adapter").eval()
    dev = small_task.dev
    batch = AutoTokenizer.from_pretrained(folder)(
        list(dev.texts), list(dev.pairs), padding=True, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        for answering in (model.eval(), adapted):
            logits = answering(**batch).logits.numpy()
            np.testing.assert_allclose(logits, results.logits(run)["dev"], atol=1e-5)
