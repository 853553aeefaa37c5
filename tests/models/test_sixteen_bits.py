"""Checkpoints in 16 bits are raised to fp32, for both engines, and that is said before anything is trained."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import seedproof as sp
from seedproof.models.checkpoint import sixteen_bits
from seedproof.models.loading import load_classifier
from seedproof.models.source import find_model


@pytest.fixture(params=["bfloat16", "float16"])
def halved(request, tiny_model, tmp_path):
    """A model as many are published today: 16 bits, and a config.json that says so."""
    dtype = getattr(torch, request.param)
    AutoModelForSequenceClassification.from_pretrained(tiny_model, dtype=dtype).save_pretrained(tmp_path / "half")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "half")
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == request.param
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path / "half", dtype="auto").dtype == dtype
    return request.param, tmp_path / "half"


def test_weights_are_raised_and_none_is_rounded(halved):
    dtype, folder = halved
    model = load_classifier(
        find_model(str(folder)), labels=2, problem_type="single_label_classification", head_seed=0
    ).model
    stored = AutoModelForSequenceClassification.from_pretrained(folder, dtype=getattr(torch, dtype)).state_dict()
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert all(torch.equal(value, stored[name].float()) for name, value in model.named_parameters())


@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_it_is_said_before_anything_is_trained(engine, halved, small_task):
    dtype, folder = halved
    study = sp.Study("half", tasks=[small_task], models=[str(folder)], recipes=["mosbach"], seeds=1, engine=engine)
    notes = study.try_out(study.plan(study.numerics()))
    count = sixteen_bits(find_model(str(folder)))[dtype]
    assert any(f"has {count} tensors in {dtype}, which are raised to fp32" in note for note in notes)


def test_of_a_checkpoint_in_fp32_nothing_is_said(tiny_model):
    assert sixteen_bits(find_model(str(tiny_model))) == {}
