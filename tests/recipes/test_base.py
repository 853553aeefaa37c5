"""The recipe value: checks at construction, settings, JSON, and the default hooks."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.methods import METHODS
from seedproof.recipes import RECIPES, Recipe, from_json, recipe


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate = 0.0 is not valid; it must be a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate = nan"),
        ({"learning_rate": "3e-5"}, "learning_rate = '3e-5'"),
        ({"epochs": float("inf")}, "epochs = inf"),
        ({"epochs": True}, "epochs = True"),
        ({"batch_size": 16.0}, "batch_size = 16.0 is not valid; it must be a whole number of at least 1"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"warmup_ratio": 1.0}, "warmup_ratio = 1.0 is not valid; it must be a number of at least 0 and below 1"),
        ({"bias_correction": 1}, "bias_correction = 1 is not valid; it must be true or false"),
        ({"weight_decay": -0.1}, "weight_decay = -0.1"),
        ({"eps": None}, "eps = None"),
        ({"schedule": "linaer"}, "unknown value of schedule 'linaer'; did you mean 'linear'"),
        ({"clip": "per-tensor"}, "one of: none, global, tensor"),
    ],
)
def test_bad_values_are_named_with_their_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        Recipe(**settings)
    assert message in str(error.value)


def test_equal_numbers_make_equal_recipes() -> None:
    """3, 3.0 and numpy's 3 are one recipe and one JSON text, hence one run id."""
    recipes = [Recipe(epochs=3), Recipe(epochs=3.0), Recipe(epochs=np.float64(3)), Recipe(epochs=np.int64(3))]
    assert len({json.dumps(one.to_json()) for one in recipes}) == 1
    assert len(set(recipes)) == 1


@pytest.mark.parametrize("name", RECIPES)
def test_json_round_trip(name: str) -> None:
    """A stored recipe comes back equal and of its own class, through real JSON text."""
    known = RECIPES[name]
    again = from_json(json.loads(json.dumps(known.to_json())))
    assert again == known
    assert type(again) is type(known)


@given(
    st.fixed_dictionaries(
        {"epochs": st.floats(0.01, 100), "p": st.floats(0, 0.99), "max_steps": st.none() | st.integers(1, 10**6)}
    )
)
def test_json_round_trip_of_any_values(settings: dict[str, object]) -> None:
    one = recipe("mixout", **settings)
    assert from_json(json.loads(json.dumps(one.to_json()))) == one


def test_stored_recipes_are_checked() -> None:
    """A recipe from a newer or damaged store is reported by the key that is wrong."""
    with pytest.raises(UserError, match=r"unknown method 'mixup'.*'mixout'"):
        from_json({**Recipe().to_json(), "method": "mixup"})
    with pytest.raises(UserError, match="unknown setting 'p' in a stored fine-tuning recipe"):
        from_json({**Recipe().to_json(), "p": 0.5})
    with pytest.raises(UserError, match="epochs = 'many'"):
        from_json({**Recipe().to_json(), "epochs": "many"})


def test_every_field_is_either_a_setting_or_a_label() -> None:
    """A new field whose annotation is not understood would silently stay out of run ids."""
    names = {field.name for field in dataclasses.fields(Recipe)}
    assert names - set(Recipe.field_types()) == {"name", "description", "user_settings", "methods"}
    for kind in METHODS.values():
        assert {field.name for field in dataclasses.fields(kind)} == set(kind.field_types())


def test_open_values_are_refused_until_resolved() -> None:
    """An engine that forgets to resolve must not train with a silent default."""
    with pytest.raises(UserError, match="weight_decay of recipe 'devlin' depends on the model"):
        recipe("devlin").required("weight_decay")
    with pytest.raises(UserError, match="learning_rate of recipe 'devlin'"):
        _ = recipe("devlin").peak_learning_rate
