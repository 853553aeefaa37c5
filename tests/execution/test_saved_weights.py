"""Saved weights in stock Transformers: this task's class names, and the answers that the run itself gave."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, pipeline

from seedproof.execution.plain import tokenized, write_weights
from seedproof.execution.recording import Recording
from seedproof.measure.checkpoints import classifier_of
from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.loading import load_classifier
from seedproof.models.source import find_model
from seedproof.recipes import recipe, resolve
from seedproof.study.results import Results
from seedproof.study.study import Study

ONE_LABEL = "single_label_classification"

RECIPES = [recipe("devlin", max_steps=3, max_length=12), recipe("mosbach", max_steps=3, segment_ids=False)]


@pytest.fixture(scope="module", params=["plain", "fleet"])
def results(request, tmp_path_factory, tiny_model, small_task) -> Results:
    """Three steps; half of the texts are longer than the first recipe's 12 tokens."""
    study = Study(
        "saved",
        tasks=[small_task],
        models=[tiny_model],
        recipes=RECIPES,
        seeds=1,
        engine=request.param,
        device="cpu",
        settings={"learning_rate": 1e-2},
        recording=Recording(weights=True),
    )
    return study.run(tmp_path_factory.mktemp("saved") / "study", jobs=1, progress=False)


@pytest.mark.slow
def test_stock_transformers_answers_as_the_run_did(results, small_task):
    for run in results.runs().itertuples():
        folder = results.path / "runs" / run.run / "weights"
        with quiet_transformers():
            model, tokenizer = (
                AutoModelForSequenceClassification.from_pretrained(folder),
                AutoTokenizer.from_pretrained(folder),
            )
        dev = small_task.dev
        inputs = tokenizer(list(dev.texts), list(dev.pairs), padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            logits = model(**inputs).logits.numpy()
        np.testing.assert_allclose(logits, results.logits(run.run)["dev"], atol=2e-5)
        classify = pipeline("text-classification", model=model, tokenizer=tokenizer)
        said = classify({"text": dev.texts[0], "text_pair": dev.pairs[0]}, truncation=True)
        assert said["label"] == small_task.classes[int(logits[0].argmax())]


@pytest.mark.slow
def test_the_configuration_names_the_classes_of_the_task(results, small_task):
    """Also where the measurements load a model again."""
    for run in results.runs()["run"]:
        folder = results.path / "runs" / run / "weights"
        written = json.loads((folder / "config.json").read_text())
        assert written["problem_type"] == "single_label_classification"
        names = dict(enumerate(small_task.classes))
        again = classifier_of(folder, "failed", labels=2, problem_type=ONE_LABEL, classes=small_task.classes).config
        for config in (AutoConfig.from_pretrained(folder), again):
            assert config.id2label == names
            assert config.label2id == {name: index for index, name in names.items()}


def test_names_of_another_task_do_not_stay(tiny_model, tmp_path):
    """A checkpoint of a toxicity model, fine-tuned for regression, does not answer "toxic"."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "toxic"))
    config = json.loads((folder / "config.json").read_text())
    foreign = {"id2label": {"0": "toxic"}, "label2id": {"toxic": 0}, "problem_type": "multi_label_classification"}
    (folder / "config.json").write_text(json.dumps(config | foreign))
    loaded = load_classifier(find_model(str(folder)), labels=1, problem_type="regression", head_seed=0)
    assert (loaded.model.config.id2label, loaded.model.config.problem_type) == ({0: "LABEL_0"}, "regression")


@pytest.mark.parametrize("segment_ids", [True, False])
def test_a_tokenizer_of_a_class_of_its_own_gives_what_the_run_was_given(tiny_model, tmp_path, small_task, segment_ids):
    """BertTokenizer gives segment ids by default, and wrote nothing about a run that had none."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["model_input_names"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"tokenizer_class": "BertTokenizer"}))
    source, resolved = find_model(str(folder)), resolve(recipe("devlin", segment_ids=segment_ids), "bert", None).recipe
    model = load_classifier(source, labels=2, problem_type=ONE_LABEL, head_seed=0).model
    write_weights(model, source, resolved, tokenized(small_task, source, resolved), tmp_path / "weights")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "weights")
    assert type(tokenizer).__name__ == "BertTokenizer"
    assert ("token_type_ids" in tokenizer("a", "b")) == segment_ids
