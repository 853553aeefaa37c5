"""Recipes as people write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.methods import method
from seedproof.methods.mixout import Mixout
from seedproof.recipes import as_recipe, from_json, parse_setting, recipe, resolve


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


def test_methods_stand_behind_the_recipe_in_every_form():
    expected = recipe("mosbach", epochs=10) + method("mixout", p=0.3)
    written = [
        "mosbach(epochs=10) + mixout(p=0.3)",
        "mosbach(epochs=10)+mixout( p=.3 )",
        {"name": "mosbach", "epochs": 10, "methods": [{"name": "mixout", "p": 0.3}]},
        {"name": "mosbach + mixout", "epochs": 10, "p": 0.3},
        {"name": "mosbach", "epochs": 10, "methods": ["mixout(p=0.3)"]},
    ]
    for each in written:
        found = as_recipe(each)
        assert (found, found.name) == (expected, "mosbach(epochs=10) + mixout(p=0.3)")


OWN = "tests.methods.own:Noise"
numbers = st.floats(0, 1e6, allow_subnormal=False)


@given(
    st.sampled_from(["devlin", "mosbach-v1"]),
    st.dictionaries(st.sampled_from(["learning_rate_factor", "eps"]), st.floats(1e-9, 1e9)),
    st.permutations([("mixout", "p", 0.25), (OWN, "scale", 0.5)]),
    numbers,
)
def test_a_recipe_reads_back_from_its_name_and_from_its_json(base, settings, listed, scale):
    """Order, settings of recipe and methods, and numbers such as 1e+16, which have a plus sign of their own."""
    one = recipe(base, **settings)
    for name, setting, value in listed:
        one += method(name, **{setting: scale if name == OWN else value})
    assert as_recipe(one.name) == one
    assert as_recipe(one.name).name == one.name
    assert from_json(json.loads(json.dumps(one.to_json()))) == one


def test_settings_of_methods_have_the_methods_name_before_them():
    one = recipe(f"devlin + {OWN}", **{f"{OWN}.scale": 0.5, "epochs": 2})
    assert (one.name, one.user_settings) == (f"devlin(epochs=2) + {OWN}(scale=0.5)", {f"{OWN}.scale", "epochs"})
    assert recipe(f"devlin + {OWN}", scale=0.5) == recipe(f"devlin + {OWN}(scale=0.5)")
    assert parse_setting(f"{OWN}.scale=.5") == (f"{OWN}.scale", 0.5)
    again = one.with_settings({f"{OWN}.scale": 0.25})
    assert resolve(again, "bert", None).recipe.name == f"devlin(epochs=2) + {OWN}(scale=0.25)"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("devlin + mixuot", "unknown method 'mixuot'; did you mean 'mixout'"),
        ("devlin + mixout(q=1)", "unknown setting 'q' in the method 'mixout'"),
        ("devlin + mixout(p=1)", "mixout: p = 1.0 is not valid; it must be a number of at least 0 and below 1"),
        ("devlin + mixout(p=.1, p=.2)", "p stands twice in the method 'mixout'; give it once"),
        ("devlin + mixout + mixout", "the method 'mixout' stands twice in a recipe; give it once"),
        ("mixout + mixout", "the method 'mixout' stands twice"),
        ("devlin +", "cannot be read"),
        ("devlin + tests.methods.own:Nosie", "did you mean 'Noise'"),
        ("devlin + tests.methods.own:NoMethod", "tests.methods.own:NoMethod is no method: the class in"),
        ("devlin + no_such_module:Own", "there is no module 'no_such_module' for the method"),
        ({"name": "devlin", "methods": "mixout"}, "must be a list"),
        ({"name": "devlin", "methods": [3]}, "the method 3 cannot be read"),
    ],
)
def test_mistakes_in_methods(written, message):
    with pytest.raises(UserError) as error:
        as_recipe(written)
    assert message in str(error.value)
