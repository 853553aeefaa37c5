"""Recipes as a command shows them before anything runs: short, or every value."""

from __future__ import annotations

from seedproof.cli.recipes import differing
from seedproof.recipes import recipe, resolve


def shown(*recipes, settings=None, card=None):
    return differing([resolve(one, "bert", card and {"learning_rate": card}, settings) for one in recipes])


def test_one_named_recipe_shows_its_learning_rate_alone():
    assert shown(recipe("devlin"), card=1e-4) == [["learning_rate=0.0001 (model card)"]]


def test_what_differs_from_the_named_recipe_is_shown():
    assert shown(recipe("mosbach", epochs=10), settings={"warmup_ratio": 0.2}) == [
        ["learning_rate=2e-05 (default)", "epochs=10 (user)", "warmup_ratio=0.2 (user)"]
    ]


def test_what_differs_between_recipes_is_shown_for_each():
    assert shown(recipe("devlin"), recipe("mosbach")) == [
        ["learning_rate=2e-05 (default)", "epochs=3", "bias_correction=False"],
        ["learning_rate=2e-05 (default)", "epochs=20", "bias_correction=True"],
    ]


def test_settings_of_methods_are_shown_with_their_origin():
    one = recipe("mosbach + llrd(decay=0.9) + reinit")
    assert shown(one, recipe("mosbach"), settings=None) == [
        [
            "learning_rate=2e-05 (default)",
            "reinit.layers=5 (method)",
            "llrd.decay=0.9 (user)",
            "llrd.embeddings=named (default)",
        ],
        ["learning_rate=2e-05 (default)"],
    ]
