"""Recipes as people write them."""

from __future__ import annotations

import pytest

from seedproof.errors import UserError
from seedproof.methods.mixout import Mixout
from seedproof.recipes import as_recipe, recipe


@pytest.mark.parametrize(
    "written",
    [
        "mosbach(epochs=10)",
        " mosbach ( epochs = 10 , ) ",
        {"name": "mosbach", "epochs": 10},
        recipe("mosbach", epochs=10),
    ],
)
def test_one_recipe_in_every_form(written):
    found = as_recipe(written)
    assert found == recipe("mosbach", epochs=10)
    assert (found.epochs, found.bias_correction) == (10.0, True)
    assert found.user_settings == {"epochs"}


def test_several_settings_and_none():
    found = as_recipe("devlin(bias_correction=true, learning_rate=1e-4, clip=none)")
    assert (found.bias_correction, found.learning_rate, found.clip) == (True, 1e-4, "none")
    assert as_recipe("devlin()") == as_recipe("devlin") == recipe("devlin")


def test_a_stored_recipe_keeps_its_method():
    mixed = recipe("mixout", p=0.5)
    found = as_recipe(mixed.to_json())
    assert found.methods == (Mixout(p=0.5),)
    assert found == mixed


def test_a_label_of_its_own():
    assert as_recipe({"name": "devlin", "label": "ours", "epochs": 4}).name == "ours"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("delvin", "unknown recipe 'delvin'; did you mean 'devlin'"),
        ("devlin(epoch=3)", "unknown setting 'epoch' in recipe 'devlin'; did you mean 'epochs'"),
        ("devlin(epochs)", "setting 'epochs' has no '='"),
        ("devlin(epochs=many)", "epochs = 'many' is not valid; it must be a number above 0"),
        ("devlin(epochs=-1)", "epochs = -1"),
        ("devlin(epochs=3", "cannot be read; write a name"),
        ("", "cannot be read"),
        ("devlin(p=0.5)", "unknown setting 'p'"),
        ({"epochs": 3}, "has no name"),
        ({"name": "devlin", "epochs": "3"}, "epochs = '3' is not valid"),
        ({"name": 3}, "cannot be read"),
        ({"name": ["devlin"]}, "cannot be read"),
        ({"method": "magic", "name": "x"}, "unknown method 'magic'"),
        (3, "the recipe 3 cannot be read"),
        (None, "the recipe None cannot be read"),
    ],
)
def test_mistakes(written, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        as_recipe(written)
