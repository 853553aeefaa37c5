"""Recipes as people write them: by name, as ``name(field=value, ...)``, or as a table of a study file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seedproof.errors import UserError
from seedproof.recipes.base import Recipe

_WITH_SETTINGS = re.compile(r"\s*([\w-]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def as_recipe(written: Recipe | str | Mapping[str, Any]) -> Recipe:
    """Make a recipe of whatever a study holds.

    >>> as_recipe("mosbach(epochs=10)").epochs
    10.0

    Raises:
        UserError: it cannot be read, or names an unknown recipe, an unknown field or a bad value.
    """
    from seedproof.recipes import from_json, recipe

    if isinstance(written, Recipe):
        return written
    if isinstance(written, str):
        return recipe(written)
    if not isinstance(written, Mapping):
        raise _unreadable(written)
    if "method" in written:
        return from_json(written)
    settings = dict(written)
    if "name" not in settings:
        raise UserError(f"the recipe {settings} has no name; give the name of the recipe that it changes")
    name = settings.pop("name")
    if not isinstance(name, str):
        raise _unreadable(written)
    return recipe(name, **settings)


def parts(written: str) -> tuple[str, list[str]]:
    """The name of a recipe and its settings, as ``field=value`` each, from ``name(field=value, ...)``.

    Raises:
        UserError: it is not of that form.
    """
    match = _WITH_SETTINGS.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise _unreadable(written)
    return match[1], [part for part in (match[2] or "").split(",") if part.strip()]


def _unreadable(written: object) -> UserError:
    return UserError(f"the recipe {written!r} cannot be read; write a name, or name(field=value, field=value)")
