"""The data of a Trainer as a task."""

from __future__ import annotations

import random
from types import SimpleNamespace

import datasets
import numpy as np
import pytest
import torch
from tests.connect.made import ROWS, Rows, model, trainer

from seedproof.connect.data import observed_data
from seedproof.connect.outputs import OutputTap
from seedproof.connect.splits import split_names
from seedproof.errors import UserError


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


@pytest.mark.parametrize(
    ("given", "splits"),
    [
        (["validation", "train"], ["dev", "eval_train"]),
        (["test", "dev"], ["test", "dev"]),
        (["eval", "validation"], ["eval", "dev"]),
        (["matched", "Dev", "DEV"], ["matched", "dev", "eval_dev"]),
        (["a b", "a-b", "a_b", "7"], ["dev", "a_b", "a_b_2", "other"]),
    ],
)
def test_no_development_set_has_the_name_of_another_or_of_the_training_set(given, splits):
    """One called train would take the place of the training set in the stored task."""
    names = split_names(given)
    assert names == dict(zip(given, splits, strict=True))
    assert next(iter(names.values())) == "dev"


def test_a_mapping_of_no_development_sets_is_refused():
    with pytest.raises(UserError, match="has no eval_dataset"):
        observed_data(SimpleNamespace(model=model(), train_dataset=Rows(), eval_dataset={}))


class Augmented(Rows):
    """Draws from every global generator for each of its examples."""

    def __getitem__(self, index):
        row = super().__getitem__(index)
        drawn = random.random() + np.random.rand() + float(torch.rand(()))  # noqa: NPY002
        return {**row, "input_ids": [*row["input_ids"][:3], int(drawn)]}


def test_the_generators_of_the_users_program_are_left_as_they_were(tmp_path):
    """Else data that is augmented at random would make another training with the callback than without."""

    def states():
        return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002

    run = trainer(tmp_path, train=Augmented(), dev=Augmented(ROWS[:10]))
    before = states()
    observed_data(run)
    OutputTap(run, lambda logits: None, pytest.fail).predict(run.eval_dataset)
    assert states() == before
