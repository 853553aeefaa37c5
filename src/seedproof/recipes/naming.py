"""Names of recipes: that of a named recipe and, behind it, whatever differs from that recipe.

A difference may come from a command line, a study file or Python, at once or bit by bit: the name is made of the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedproof.renamed import FIELDS
from seedproof.spec import written_settings

if TYPE_CHECKING:
    from seedproof.recipes.base import Recipe


def telling_name(recipe: Recipe, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The name of a recipe that tells what differs from the named recipe that it begins with.

    >>> telling_name(recipe("mosbach", epochs=10), {}, {})
    'mosbach(epochs=10)'

    A value that the named recipe has anyway adds nothing. Where the name is a label of the user's own, it stays, and
    ``settings`` are put behind it.

    Args:
        recipe: Not yet resolved.
        settings: Those that came on top of the recipe, by field, where they changed it.
        defaults: What the model gives to fields that a recipe leaves open, by field.
    """
    from seedproof.recipes import RECIPES

    base, _, listed = recipe.name.partition("(")
    named = RECIPES.get(base.strip())
    if named is None:
        return _with_settings(recipe.name, settings)
    told = {field: getattr(recipe, field) for field in recipe.field_types() if _is_told(field, recipe, named, defaults)}
    # As the user wrote them, then the others in the order of declaration.
    order = sorted(told, key=lambda field: listed.find(f"{field}=") % (len(listed) + 1))
    return _with_settings(named.name, {field: told[field] for field in order})


def is_named(field: str, name: str) -> bool:
    """Whether the name of a recipe tells the value of a field: ``epochs``, in ``mosbach(epochs=10)``."""
    return re.search(rf"\b({field}|{FIELDS.get(field, field)})=", name) is not None


def _is_told(field: str, recipe: Recipe, named: Recipe, defaults: Mapping[str, Any]) -> bool:
    """Whether a field differs from the named recipe's; one that it leaves open does if the user set it."""
    value, usual = getattr(recipe, field), getattr(named, field, None)
    if usual is None and value is not None:
        is_the_users = field in recipe.user_settings or is_named(field, recipe.name)
        return is_the_users or value not in (defaults.get(field), recipe.ADDED.get(field))
    return bool(value != usual)


def _with_settings(name: str, settings: Mapping[str, Any]) -> str:
    return f"{name}({written_settings(settings)})" if settings else name
