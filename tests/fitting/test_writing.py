"""The folder of a fit is one that stock Transformers opens, of the weights that its runs have kept."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import seedproof as sp
from seedproof.errors import UserError
from seedproof.models.source import find_model

pytestmark = pytest.mark.slow


def test_the_pipeline_opens_the_folder_with_the_right_names(fitted):
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(fitted.path), device="cpu")
    task = fitted.told.task
    said = [each["label"] for each in classify(list(task.dev.texts), truncation=True)]
    right = np.mean([name == task.classes[label] for name, label in zip(said, task.dev.labels, strict=True)])
    assert set(said) <= {"yes, please", "no|thanks"}
    assert right == pytest.approx(fitted.judgement.best.score)
    assert fitted.told.differing < 1e-4


@pytest.mark.parametrize("limit", [8, 10**30])
def test_texts_are_cut_where_the_model_ends_and_where_training_cut(tiny_model, tmp_path, limit):
    """A recipe may allow more tokens than there are positions, a tokenizer's file say anything: neither decides."""
    from transformers import pipeline

    model = shutil.copytree(tiny_model, tmp_path / "start")
    config = model / "tokenizer_config.json"
    positions = find_model(str(model)).positions
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_max_length": limit}))
    rows = [{"text": "the dog sees a cat " * 4 + "no" * (row % 2), "label": "ab"[row % 2]} for row in range(40)]
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    options = {"settings": {"max_steps": 60, "max_length": 10 * positions, "learning_rate": 1e-2}, "launcher": "inline"}
    columns = {"text": "text", "label": "label", "metric": "accuracy"}
    fitted = sp.fit(
        tmp_path / "rows.csv", model=model, out=tmp_path / "m", seeds=1, progress=False, **columns, **options
    )
    assert fitted.told.max_length == positions
    (tmp_path / "long.csv").write_text("text\n" + "the dog " * positions + "\n")
    assert len(pd.read_csv(sp.predict(fitted.path, tmp_path / "long.csv", out=tmp_path / "answers.csv"))) == 1
    pipeline("text-classification", model=str(fitted.path), device="cpu")("the dog " * positions, truncation=True)


def test_weights_that_were_changed_or_lost_are_not_shipped(fitted, table, tiny_model, options, tmp_path):
    study = tmp_path / "model.study"
    shutil.copytree(fitted.results.path, study)
    weights = study / "runs" / fitted.judgement.best.id / "weights"
    file = weights / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    call = {"model": tiny_model, "out": tmp_path / "model", "seeds": 3, "progress": False, **options}
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        sp.fit(table, **call)
    shutil.rmtree(weights)
    with pytest.raises(UserError, match="is gone, where the run has kept its model"):
        sp.fit(table, **call)
    assert [path.name for path in tmp_path.iterdir()] == ["model.study"]
