"""The data of a Trainer as a task."""

from __future__ import annotations

from types import SimpleNamespace

import datasets
import numpy as np
from tests.connect.made import model

from seedproof.connect.data import observed_data


class Words:
    """A tokenizer as far as it is used here."""

    pad_token_id = 0

    def batch_decode(self, rows):
        return [" ".join(f"w{token}" for token in row) for row in rows]


class BinaryCrossEntropyLoss:
    """Named as the loss of cross-encoders with one output."""


def observed(columns, labels=2, tokenizer=None, **more):
    dataset = datasets.Dataset.from_dict(columns)
    trainer = SimpleNamespace(
        model=model(labels=labels),
        train_dataset=dataset,
        eval_dataset=dataset,
        processing_class=tokenizer,
        data_collator=None,
        label_names=["labels"],
        **more,
    )
    return observed_data(trainer)


def test_one_or_two_columns_of_text_are_the_texts():
    columns = {"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [0, 1], "input_ids": [[1], [1, 2]]}
    found = observed(columns, tokenizer=Words())
    assert (found.task.dev.texts, found.task.dev.pairs, found.longest) == (("a", "b"), ("c", "d"), 2)


def test_else_tokens_are_decoded_without_their_padding():
    found = observed({"input_ids": [[5, 6, 0], [7, 0, 0]], "label": [0, 1]}, tokenizer=Words())
    assert found.task.dev.texts == ("w5 w6", "w7")


def test_else_examples_have_numbers():
    assert observed({"input_ids": [[5], [7]], "labels": [0, 1]}).task.dev.texts == ("example 0", "example 1")


def test_classes_have_the_names_of_the_data_set():
    named = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"]), "text": datasets.Value("string")})
    dataset = datasets.Dataset.from_dict({"label": [0, 1], "text": ["a", "b"]}, features=named)
    trainer = SimpleNamespace(
        model=model(),
        train_dataset=dataset,
        eval_dataset=dataset,
        processing_class=None,
        data_collator=None,
        label_names=None,
    )
    assert observed_data(trainer).task.classes == ("no", "yes")


def test_one_output_of_a_cross_encoder_is_the_logit_of_the_second_class_or_of_a_score():
    logits = np.array([[-1.0], [2.0]], np.float32)
    hard = observed({"text": ["a", "b"], "label": [0.0, 1.0]}, labels=1, loss=BinaryCrossEntropyLoss())
    assert hard.task.classes == ("0", "1")
    np.testing.assert_array_equal(hard.outputs(logits), [[0, -1], [0, 2]])
    soft = observed({"text": ["a", "b"], "label": [0.2, 0.9]}, labels=1, loss=BinaryCrossEntropyLoss())
    assert soft.task.classes == ()
    np.testing.assert_allclose(soft.outputs(logits), 1 / (1 + np.exp(-logits)))
