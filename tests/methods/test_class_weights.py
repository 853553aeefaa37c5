"""Class weights are PyTorch's in the loss that is trained, and none in the loss that is recorded."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.fleets import make_run, plain_steps

from seedproof.errors import UserError
from seedproof.methods import from_json, method
from seedproof.methods.class_weights import ClassWeights
from seedproof.recipes import recipe
from seedproof.recipes.written import as_recipe


@pytest.mark.parametrize("several", [False, True])
def test_the_gradients_are_those_of_pytorchs_weighted_loss(several):
    run = make_run("bert", "devlin + class_weights(weights=LABEL_2=4)", labels=3, several=several)
    engine, model = run.plain(), copy.deepcopy(run.model)
    batch = run.data.train.batch(run.plan.batches[0], torch.device("cpu"))
    weights, output = torch.tensor([1.0, 1.0, 4.0]), model(**batch)
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=weights) if several else torch.nn.CrossEntropyLoss(weight=weights)
    loss(output.logits, batch["labels"]).backward()
    losses, [(gradients, _)] = plain_steps(engine, 1)
    for name, value in model.named_parameters():
        torch.testing.assert_close(gradients[name], value.grad, rtol=1e-4, atol=1e-6, msg=name)
    assert losses == [pytest.approx(output.loss.item(), rel=1e-5)]


def test_balanced_weights_by_hand():
    """Six, three and one of ten: 10 / (3 n). Of labels those that have it not by those that have it."""
    labels = np.repeat([0, 1, 2], [6, 3, 1])
    balanced = ClassWeights()
    assert balanced.values("abc", labels) == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert balanced.values("abcd", labels)[3] == 1.0
    assert balanced.values("ab", np.array([[1, 1], [0, 1], [0, 1], [0, 1]])) == [3.0, 1.0]


def test_one_text_for_the_same_weights():
    names = {"C++": 5, "a (b)=c;d, é": 0.25}
    made = ClassWeights.of(names)
    assert made.values(list(names), np.array([0, 1])) == [5.0, 0.25]
    assert from_json(made.to_json()) == made
    assert made == ClassWeights.of(dict(reversed(names.items()))) == method("class_weights", weights=made.weights)
    again = as_recipe((recipe("mosbach") + made).to_json())
    assert again == recipe("mosbach") + made
    assert as_recipe(f"mosbach + {made}").methods == (made,)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("spam", "'spam' is neither balanced nor NAME=W"),
        ("spam=x", "the weight 'x' of the class 'spam' is no number above 0"),
        ("spam=0", "no number above 0"),
        ("spam=inf", "no number above 0"),
        ("spam=1;spam=2", "the class 'spam' stands twice"),
    ],
)
def test_what_is_no_weight(weights, message):
    with pytest.raises(UserError, match=message):
        method("class_weights", weights=weights)


@pytest.mark.parametrize("name", [" spam", "spam ", " ", "a b"])
def test_a_class_keeps_the_blanks_at_its_ends(name):
    """The weight was said to be of no class; in an id blanks within a name stay as they were."""
    weights = ClassWeights.of({name: 5})
    assert weights.values([name, "ham"], np.array([0, 1])) == [5.0, 1.0]
    assert as_recipe(f"mosbach + {weights}").name == (recipe("mosbach") + weights).name


@pytest.mark.parametrize("weight", [1234567, 1 / 3, 0.1, 2e-9, 1e22])
def test_a_weight_is_the_one_that_was_given(weight):
    """Six digits of it were kept."""
    weights = ClassWeights.of({"a": weight})
    assert weights.values(["a"], np.array([0])) == [weight]
    assert ClassWeights(weights=weights.weights) == weights


def test_what_does_not_fit_the_task():
    with pytest.raises(UserError, match="unknown class 'spam' in class_weights; did you mean 'spam '"):
        ClassWeights.of({"spam": 2}).values(["ham", "spam "], np.array([0, 1]))
    with pytest.raises(UserError, match="the task is a regression"):
        ClassWeights().values(["LABEL_0"], np.array([0.5, 1.0]))
    with pytest.raises(UserError, match="both decide the loss of a batch"):
        recipe("mosbach") + ClassWeights() + method("rdrop")
