"""What methods will do to a model is said before anything runs."""

from __future__ import annotations

import pytest
from tests.fleets import make_model

from seedproof.recipes import recipe

NOTES = {
    "llrd(decay=0.5)": "trains the lowest of 3 blocks at 0.12 of the learning rate, the embeddings at 0.062",
    "reinit(layers=2)": "draws the pooler and the highest 2 of 3 blocks anew from each run's head seed",
    "reinit(layers=0)": "draws the pooler anew from each run's head seed",
    "freeze(layers=1)": "freezes the embeddings and the lowest 1 of 3 blocks at first, and thaws one after the other from the "
    "top, evenly over the training",
    "lora(rank=2, targets=query)": "trains 498 numbers where the model has 7,098: updates of rank 2 of 3 matrices, and "
    "bert.pooler, classifier whole; kept weights are the model merged, with the adapter beside it",
    "freeze(layers=0, unfreeze=never)": "freezes the embeddings for good",
}


@pytest.mark.parametrize("name", NOTES)
def test_a_method_says_what_it_does_to_a_model(name):
    [method] = recipe(f"devlin + {name}").methods
    assert method.notes(make_model("bert")) == [NOTES[name]]
