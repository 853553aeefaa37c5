"""Resolution: the order of recipe, family, model card and user, and the origin of every value."""

from __future__ import annotations

import pytest

from seedproof.errors import UserError
from seedproof.recipes import RECIPES, Recipe, describe, recipe, resolve

FAMILIES = {
    "bert": {"dropout": 0.1, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01, "clip": "global"},
    "roberta": {"dropout": 0.1, "beta1": 0.9, "beta2": 0.98, "weight_decay": 0.1, "clip": "none"},
    "albert": {"dropout": 0.0, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "clip": "global"},
    "electra": {"dropout": 0.1, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01, "clip": "global"},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_family_defaults_fill_what_devlin_leaves_open(family: str) -> None:
    """Paper, section 2; a family without its own defaults has BERT's."""
    resolved = resolve(recipe("devlin"), family, None)
    for name, value in FAMILIES[family].items():
        assert getattr(resolved.recipe, name) == value
        assert resolved.origins[name] == f"family {family}"


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_everything_is_fixed_and_has_an_origin(name: str, family: str) -> None:
    """Only ``max_steps`` may stay None (the epochs decide)."""
    resolved = resolve(RECIPES[name], family, None)
    assert list(resolved.origins) == list(resolved.recipe.setting_types())
    assert [name for name, value in resolved.recipe.values().items() if value is None] == ["max_steps"]
    assert resolve(resolved.recipe, family, None).recipe == resolved.recipe


def test_learning_rate_comes_from_user_then_card_then_default() -> None:
    cases = {(None, None): (2e-5, "default"), (5e-4, None): (5e-4, "model card"), (5e-4, 3e-5): (3e-5, "user")}
    for (card, user), (rate, origin) in cases.items():
        resolved = resolve(
            recipe("devlin"), "bert", card and {"learning_rate": card}, {} if user is None else {"learning_rate": user}
        )
        assert (resolved.recipe.learning_rate, resolved.origins["learning_rate"]) == (rate, origin)
    own = resolve(Recipe(learning_rate=1e-5), "bert", {"learning_rate": 5e-4})
    assert (own.recipe.learning_rate, own.origins["learning_rate"]) == (1e-5, "recipe")


def test_a_card_wins_over_the_family_and_a_recipe_over_the_card() -> None:
    """ALBERT's released settings have dropout 0, BERT's .1; a small model of either may want another."""
    card = {"dropout": 0.05, "clip": "none"}
    resolved = resolve(recipe("devlin-bertadam"), "bert", card)
    assert (resolved.recipe.dropout, resolved.origins["dropout"]) == (0.05, "model card")
    assert (resolved.recipe.clip, resolved.origins["clip"]) == ("tensor", "recipe")
    assert resolve(recipe("mixout"), "bert", card).recipe.dropout == 0.0
    assert resolve(recipe("devlin"), "bert", card, {"dropout": 0.2}).origins["dropout"] == "user"


def test_quarter_lr_is_relative_to_whatever_rate_results() -> None:
    """The control must follow the model's rate and the user's."""
    control = recipe("devlin-quarter-lr")
    assert resolve(control, "bert", None).recipe.peak_learning_rate == 5e-6
    assert resolve(control, "bert", {"learning_rate": 4e-4}).recipe.peak_learning_rate == 1e-4
    assert resolve(control, "bert", {"learning_rate": 4e-4}, {"learning_rate": 2e-3}).recipe.peak_learning_rate == 5e-4


def test_a_recipe_wins_over_the_family_and_the_user_over_both() -> None:
    bertadam = recipe("devlin-bertadam")
    assert resolve(bertadam, "roberta", None).recipe.clip == "tensor"
    assert resolve(bertadam, "roberta", None).origins["clip"] == "recipe"
    user = resolve(bertadam, "roberta", None, {"clip": "global"})
    assert (user.recipe.clip, user.origins["clip"]) == ("global", "user")
    assert resolve(recipe("mixout"), "albert", None).recipe.dropout == 0.0
    assert resolve(recipe("mixout"), "bert", None).recipe.dropout == 0.0


def test_asking_for_the_default_gives_it_back_to_the_family() -> None:
    resolved = resolve(recipe("devlin-bertadam", clip=None), "roberta", None)
    assert (resolved.recipe.clip, resolved.origins["clip"]) == ("none", "family roberta")


def test_settings_of_recipe_and_of_resolve_are_both_the_users() -> None:
    resolved = resolve(recipe("mosbach", epochs=10), "bert", None, {"max_steps": None, "beta2": 0.98})
    users = {name for name, origin in resolved.origins.items() if origin == "user"}
    assert users == {"epochs", "max_steps", "beta2"}
    assert resolved.recipe.name == "mosbach(epochs=10, beta2=0.98)"


def test_bad_overrides_are_refused() -> None:
    with pytest.raises(UserError, match="unknown setting 'lr_rate'"):
        resolve(recipe("devlin"), "bert", None, {"lr_rate": 1})
    with pytest.raises(UserError, match="epochs = -1"):
        resolve(recipe("devlin"), "bert", None, {"epochs": -1})


def test_description_shows_every_field_and_the_product_of_the_factor() -> None:
    rows = describe(resolve(recipe("devlin"), "bert", {"learning_rate": 5e-4}))
    assert [row.field for row in rows] == list(Recipe.field_types())
    assert rows[0] == ("learning_rate", 5e-4, "model card")
    quarter = describe(resolve(recipe("devlin-quarter-lr"), "bert", {"learning_rate": 4e-4}))
    assert quarter[2] == ("peak_learning_rate", 1e-4, "learning_rate * learning_rate_factor")
