"""The folder of a fit is one that stock Transformers opens, of the weights that its runs have kept."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import seedproof as sp
from seedproof.errors import UserError

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
