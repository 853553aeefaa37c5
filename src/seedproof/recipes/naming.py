"""Names of recipes: that of a named recipe, behind it whatever differs from that recipe, and its further methods.

A difference may come from a command line, a study file or Python, at once or bit by bit: the name is made of the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedproof.methods import METHODS
from seedproof.renamed import FORMER
from seedproof.spec import written_settings
from seedproof.store.names import base_of

if TYPE_CHECKING:
    from seedproof.methods import Method
    from seedproof.recipes.base import Recipe

_PART = re.compile(r"([\w.:-]+)(?:\(([^()]*)\))?")


def telling_name(recipe: Recipe, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The name of a recipe that tells what differs from the named recipe that it begins with.

    >>> telling_name(recipe("mosbach + mixout", epochs=10), {}, {})
    'mosbach(epochs=10) + mixout'

    A value that the named recipe, or the method, has anyway adds nothing. Where the name is a label of the user's own, it
    stays, and ``settings`` are put behind it. Methods stand in the order in which they were written.

    Args:
        recipe: Not yet resolved.
        settings: Those that came on top of the recipe, by name, where they changed it.
        defaults: What the model gives to settings that a recipe leaves open, by name.
    """
    from seedproof.recipes import RECIPES

    named = RECIPES.get(base_of(recipe.name))
    if named is None or _is_label(recipe, named):
        return _with_settings(recipe.name, settings)
    own = {type(each) for each in named.methods}
    inside = {
        *recipe.field_types(),
        *(each.key(s) for each in recipe.methods if type(each) in own for s in each.field_types()),
    }
    told = {key: value for key, value in recipe.values().items() if _is_told(key, recipe, named, defaults)}
    # As the user wrote them, then the others in the order of declaration.
    listed = list(_told_in(recipe.name))
    order = sorted((key for key in told if key in inside), key=lambda key: _index(listed, key))
    name = _with_settings(named.name, {key: told[key] for key in order})
    written = [match[1] for match in _PART.finditer(recipe.name)]
    added = sorted(
        (each for each in recipe.methods if type(each) not in own), key=lambda each: _index(written, each.reference())
    )
    for each in added:
        of_it = {setting: told[each.key(setting)] for setting in each.field_types() if each.key(setting) in told}
        name += f" + {_with_settings(each.reference(), of_it)}"
    return name


def _is_label(recipe: Recipe, named: Recipe) -> bool:
    """Whether what stands behind a plus sign is no method of the recipe: a label that looks like a name."""
    written = [match[1] for match in _PART.finditer(recipe.name)][1:]
    return bool(set(written) - {each.reference() for each in (*recipe.methods, *named.methods)})


def with_method(name: str, method: Method) -> str:
    """The name of a recipe to which a method is added."""
    return f"{name} + {method}"


def is_named(setting: str, name: str) -> bool:
    """Whether the name of a recipe tells the value of a setting: ``epochs``, in ``mosbach(epochs=10)``."""
    return setting in _told_in(name)


def _told_in(name: str) -> dict[str, None]:
    """The settings whose values a name tells, by their full names."""
    found: dict[str, None] = {}
    for index, match in enumerate(_PART.finditer(name)):
        keys = re.findall(r"([\w.:-]+)\s*=", match[2] or "")
        is_inline = index == 0 or (match[1] in METHODS and METHODS[match[1]].inline)
        found |= dict.fromkeys(
            [FORMER.get(key, key) for key in keys] if is_inline else [f"{match[1]}.{key}" for key in keys]
        )
    return found


def _index(names: list[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _is_told(key: str, recipe: Recipe, named: Recipe, defaults: Mapping[str, Any]) -> bool:
    """Whether a setting differs from the named recipe's, or the method's; one that it leaves open does if the user set it."""
    value, usual = recipe.values()[key], _usual(key, recipe, named)
    if usual is None and value is not None:
        is_the_users = key in recipe.user_settings or is_named(key, recipe.name)
        return is_the_users or value not in (defaults.get(key), recipe.added().get(key))
    return bool(value != usual)


def _usual(key: str, recipe: Recipe, named: Recipe) -> Any:
    """The value of a setting in the named recipe, or the default of its method."""
    if key in (values := named.values()):
        return values[key]
    of_methods = {
        each.key(name): getattr(type(each), name, None) for each in recipe.methods for name in each.field_types()
    }
    return of_methods.get(key)


def _with_settings(name: str, settings: Mapping[str, Any]) -> str:
    return f"{name}({written_settings(settings)})" if settings else name
