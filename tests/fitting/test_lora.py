"""LoRA goes the whole way: its runs keep a folder beside the model, which stays in the study."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import seedproof as sp
from seedproof.errors import UserError
from seedproof.events import Started
from seedproof.fitting.folder import check_kept, folders_beside

RECIPE = "mosbach + lora(rank=4)"


@pytest.fixture(scope="module")
def adapted(table, tiny_model, options, tmp_path_factory):
    """Fitted with LoRA."""
    settings = {**options["settings"], "learning_rate": 1e-2}
    options = {**options, "settings": settings, "model": tiny_model, "recipe": RECIPE, "seeds": 2, "progress": False}
    out = tmp_path_factory.mktemp("lora") / "model"
    return sp.fit(table, out=out, **options), table, options


@pytest.mark.slow
def test_the_merged_model_is_shipped_and_the_adapter_stays_in_the_study(adapted, tmp_path):
    from transformers import pipeline

    fitted, table, _ = adapted
    best = fitted.judgement.best
    assert fitted.told.differing < 1e-4
    assert not [path for path in fitted.path.rglob("*") if path.is_dir() or path.suffix == ".sha256"]
    card = (fitted.path / "README.md").read_text(encoding="utf-8")
    assert f"keeps adapter/ beside a model, which stays in the study (model.study: runs/{best.id}/weights)" in card
    classify = pipeline("text-classification", model=str(fitted.path), device="cpu")
    dev, classes = fitted.told.task.dev, fitted.told.task.classes
    said = [each["label"] for each in classify(list(dev.texts), truncation=True)]
    assert np.mean([name == classes[label] for name, label in zip(said, dev.labels, strict=True)]) == best.score
    assert len(pd.read_csv(sp.predict(fitted.path, table, out=tmp_path / "answers.csv"))) == 240
    adapter = fitted.results.path / "runs" / best.id / "weights" / "adapter" / "adapter_config.json"
    assert json.loads(adapter.read_text())["base_model_name_or_path"] != "None"


@pytest.mark.slow
@pytest.mark.parametrize("ensemble", ["weights", "predictions"])
def test_the_same_call_goes_on_and_averages(adapted, ensemble, monkeypatch):
    fitted, table, options = adapted
    events = []
    monkeypatch.setattr("seedproof.fitting.averaging.gain", lambda *_: -1.0)  # so that the mean is shipped
    again = sp.fit(table, out=fitted.path, ensemble=ensemble, listeners=[events.append], **options)
    assert not [event for event in events if isinstance(event, Started)]
    assert again.judgement.shipped == ensemble
    assert again.told.differing < 1e-3
    assert "weights/ of each run" in again.told.beside
    assert {path.name for path in again.path.rglob("*") if path.is_dir()} <= {"members", "seed-0", "seed-1"}
    assert again.numbers["ensemble"]["runs"] == 2


def test_what_lies_beside_a_model_is_no_link(tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "config.json").write_text("{}")
    assert [path.name for path in check_kept(tmp_path)] == ["config.json"]
    assert folders_beside(tmp_path) == ["adapter"]
    (tmp_path / "more").symlink_to(tmp_path / "adapter")
    with pytest.raises(UserError, match="is a symbolic link"):
        check_kept(tmp_path)
