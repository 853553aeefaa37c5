"""``sp.recipe`` names every setting, where editors and notebooks look for it, and docs/recipes.md explains each."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

import pytest

import seedproof as sp
from seedproof.errors import UserError
from seedproof.methods import METHODS
from seedproof.recipes import Recipe
from seedproof.recipes.explained import fields, page
from seedproof.recipes.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_settings_are_the_fields_of_all_methods():
    inline = [kind for kind in METHODS.values() if kind.inline]
    known = {name for kind in (Recipe, *inline) for name in kind.field_types()}
    assert set(typing.get_type_hints(Settings)) == known


def test_the_types_of_the_settings_are_those_of_the_fields():
    hints = typing.get_type_hints(Settings)
    for kind in (Recipe, *(kind for kind in METHODS.values() if kind.inline)):
        for name, field in kind.field_types().items():
            members = set(typing.get_args(hints[name]))
            assert (type(None) in members) == field.optional, name
            options = {option for member in [hints[name], *members] for option in typing.get_args(member)}
            assert set(field.choices) <= options, name


def test_the_signature_names_every_setting():
    parameters = inspect.signature(sp.recipe).parameters
    assert set(typing.get_type_hints(Settings)) < set(parameters)
    assert parameters["epochs"].kind is inspect.Parameter.KEYWORD_ONLY


def test_every_field_is_explained():
    assert not [field.name for field in fields() if not field.meaning]


def test_the_page_is_what_the_recipes_say():
    assert (DOCS / "recipes.md").read_text(encoding="utf-8") == page(), (
        "write it again: python -m seedproof.recipes.explained > docs/recipes.md"
    )


@pytest.mark.parametrize("written", ["mosbach(epochs=10)", " mosbach( epochs = 10 ) "])
def test_the_written_form_is_taken(written):
    assert sp.recipe(written) == sp.recipe("mosbach", epochs=10)
    assert sp.recipe(written, bias_correction=False).name == "mosbach(epochs=10, bias_correction=False)"


def test_a_setting_given_twice_is_refused():
    with pytest.raises(UserError, match="epochs stands twice in the recipe 'devlin"):
        sp.recipe("devlin(epochs=3, epochs=4)")
    with pytest.raises(UserError, match="epochs stands twice"):
        sp.recipe("devlin(epochs=3)", epochs=4)


def test_a_setting_of_another_method_names_that_method():
    with pytest.raises(UserError, match="'p' in recipe 'devlin': it belongs to the method mixout"):
        sp.recipe("devlin", p=0.5)
