"""Loader, tokenizer and engine on real GLUE files and a real vocabulary; only the weights are random."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.engines import make_engine, records
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from seedproof.tasks import Split, Task, load_task


@pytest.fixture(scope="module")
def real_vocabulary_model(tmp_path_factory, vocabulary_dir):
    """A one-layer BERT over the vocabulary of bert-base-uncased."""
    folder = tmp_path_factory.mktemp("real") / "bert"
    config = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast.from_pretrained(vocabulary_dir / "bert-base-uncased").save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["cola", "mrpc", "rte", "stsb"])
def test_a_run_on_real_examples(real_vocabulary_model, glue_dir, name):
    whole = load_task(f"glue/{name}", data_dir=glue_dir)

    def first(split, count):
        return Split(split.texts[:count], split.pairs and split.pairs[:count], np.array(split.labels[:count]))

    task = Task(
        name=whole.name,
        train=first(whole.train, 48),
        dev=first(whole.dev, 32),
        classes=whole.classes,
        metrics=whole.metrics,
    )
    seen = records(make_engine(real_vocabulary_model, task, max_steps=3, learning_rate=1e-4))
    losses = [r.values["loss"] for r in seen if r.kind == "loss"]
    [final] = [r.values for r in seen if r.kind == "evaluation"]
    assert len(losses) == 3
    assert all(math.isfinite(loss) for loss in losses)
    assert final["logits dev"].shape == (32, whole.num_labels)
    assert set(final["scores"]) == set(whole.metrics)
    if whole.classes:  # nothing is learned yet: close to the entropy of a coin
        assert losses[0] == pytest.approx(math.log(2), abs=0.1)
