"""How to fine-tune: named recipes, their resolution for a model, and settings as a user writes them.

One file per method. To add one, write its file (values over a base, or a subclass of :class:`Recipe` with fields and
hooks) and add it to the list below. Nothing here loads torch until a hook is called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Unpack

from seedproof.errors import UserError, unknown
from seedproof.recipes.base import Recipe
from seedproof.recipes.devlin import DEVLIN, DEVLIN_BERTADAM, DEVLIN_QUARTER_LR
from seedproof.recipes.mixout import MIXOUT, MIXOUT_LINEAR, MixoutRecipe
from seedproof.recipes.mosbach import MOSBACH, MOSBACH_V1
from seedproof.recipes.naming import telling_name
from seedproof.recipes.resolve import Resolved, Row, describe, family_defaults, resolve
from seedproof.recipes.settings import Settings, with_named_settings
from seedproof.recipes.written import as_recipe, parts
from seedproof.renamed import from_stored, of_today
from seedproof.spec import written_settings

__all__ = [
    "RECIPES",
    "MixoutRecipe",
    "Recipe",
    "Resolved",
    "Row",
    "as_recipe",
    "describe",
    "family_defaults",
    "from_json",
    "parse_setting",
    "recipe",
    "resolve",
]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        known.name: known
        for known in (DEVLIN, DEVLIN_BERTADAM, DEVLIN_QUARTER_LR, MOSBACH, MOSBACH_V1, MIXOUT, MIXOUT_LINEAR)
    }
)
"""The named recipes; each has a one-line ``description``."""

METHODS: Mapping[str, type[Recipe]] = MappingProxyType({kind.method: kind for kind in (Recipe, MixoutRecipe)})
"""The methods by the names that stored recipes give them."""


@with_named_settings
def recipe(name: str, *, label: str | None = None, **overrides: Unpack[Settings]) -> Recipe:
    """A named recipe with the user's own settings.

    >>> recipe("mosbach", epochs=10).name
    'mosbach(epochs=10)'
    >>> recipe("mosbach(epochs=10)") == recipe("mosbach", epochs=10)
    True

    Args:
        name: One of :data:`RECIPES`, also with settings in brackets, as tables and the command line write it.
        label: What reports call it; None is the name with the settings that differ from the named recipe's.
        overrides: Values by field; they win over everything when the recipe is resolved. ``docs/recipes.md`` and
            ``seedproof ls fields`` explain each.

    Raises:
        UserError: Unknown recipe or field (the nearest one is named), or a value outside its range.
    """
    known, written = parts(name)
    if known not in RECIPES:
        raise unknown("recipe", known, RECIPES)
    given = [*map(parse_setting, written), *((of_today(key), value) for key, value in overrides.items())]
    both = dict(given)
    if len(both) < len(given):
        twice = next(key for key in both if [each for each, _ in given].count(key) > 1)
        raise UserError(f"{twice} stands twice in the recipe {name!r}; give it once")
    if label is not None:
        return RECIPES[known].with_settings(both, name=label)
    own = RECIPES[known].with_settings(both, name=f"{known}({written_settings(both)})")
    return dataclasses.replace(own, name=telling_name(own, {}, {}))


def from_json(value: Mapping[str, Any]) -> Recipe:
    """Read back what :meth:`Recipe.to_json` wrote, in this version or before: what it lacks means "as before".

    Raises:
        UserError: Unknown method or field, or a bad value.
    """
    kind = METHODS.get(str(value.get("method")))
    if kind is None:
        raise unknown("method", value.get("method"), METHODS, where="a stored recipe")
    fields = {key: content for key, content in from_stored(value).items() if key != "method"}
    for key in fields:
        if key != "name" and key not in kind.field_types():
            raise unknown("setting", key, kind.field_types(), where=f"a stored {kind.method} recipe")
    return kind(**{**kind.ADDED, **fields})


def parse_setting(text: str) -> tuple[str, Any]:
    """Read a setting as it is written on a command line.

    >>> parse_setting("learning_rate=3e-5")
    ('learning_rate', 3e-05)

    The field may belong to any method; whether a recipe has it shows when it is set. ``default`` stands for None, a
    value that the model's family decides.

    Raises:
        UserError: No ``=``, an unknown field (the nearest one is named), or a bad value (the valid ones are named).
    """
    name, equals, written = text.partition("=")
    if not equals:
        raise UserError(f"setting {text!r} has no '='; write it as field=value, e.g. learning_rate=3e-5")
    name = of_today(name.strip())
    kinds = {key: kind for method in METHODS.values() for key, kind in method.field_types().items()}
    if name not in kinds:
        raise unknown("setting", name, kinds)
    return name, kinds[name].parse(name, written)
