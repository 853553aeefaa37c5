"""How to fine-tune: named recipes, their resolution for a model, and settings as a user writes them.

One file per recipe or family of recipes: values over a base, and methods (:mod:`seedproof.methods`). To add one, write
its file and add it to the list below. Nothing here loads torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Unpack

from seedproof import extensions, methods
from seedproof.errors import UserError, unknown
from seedproof.fields import FieldType
from seedproof.methods import METHODS as _METHODS
from seedproof.methods import Method
from seedproof.recipes.base import Recipe
from seedproof.recipes.devlin import DEVLIN, DEVLIN_BERTADAM, DEVLIN_QUARTER_LR
from seedproof.recipes.mixout import MIXOUT, MIXOUT_LINEAR
from seedproof.recipes.mosbach import MOSBACH, MOSBACH_V1
from seedproof.recipes.naming import telling_name
from seedproof.recipes.observed import Observed
from seedproof.recipes.resolve import Resolved, Row, describe, family_defaults, resolve
from seedproof.recipes.settings import Settings, with_named_settings
from seedproof.recipes.written import as_recipe, method_of, parts, split_setting
from seedproof.renamed import from_stored, of_today
from seedproof.spec import written_settings
from seedproof.store.names import settings_of_methods

__all__ = [
    "RECIPES",
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
    "setting_type",
    "setting_types",
    "stored_values",
]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        known.name: known
        for known in (DEVLIN, DEVLIN_BERTADAM, DEVLIN_QUARTER_LR, MOSBACH, MOSBACH_V1, MIXOUT, MIXOUT_LINEAR)
    }
)
"""The named recipes; each has a one-line ``description``."""

METHODS: Mapping[str, type[Recipe]] = MappingProxyType({Recipe.method: Recipe, Observed.method: Observed})
"""Kinds of recipes by what stored ones say that they are (``method``); other names are of methods that are stored inline."""


@with_named_settings
def recipe(
    name: str, *, label: str | None = None, methods: Iterable[Method] = (), **overrides: Unpack[Settings]
) -> Recipe:
    """A named recipe with the user's own settings and methods.

    >>> recipe("mosbach", epochs=10).name
    'mosbach(epochs=10)'
    >>> recipe("mosbach(epochs=10)") == recipe("mosbach", epochs=10)
    True

    Args:
        name: One of :data:`RECIPES`, also with settings in brackets and methods behind ``+``, as tables and the command line
            write it: ``mosbach(epochs=10) + llrd(decay=0.9)``.
        label: What reports call it; None is the name with the settings that differ from the named recipe's.
        methods: Further methods, as ``+`` adds them.
        overrides: Values by field; they win over everything when the recipe is resolved. ``docs/recipes.md`` and
            ``seedproof ls fields`` explain each. A method's are ``**{"llrd.decay": 0.9}``.

    Raises:
        UserError: Unknown recipe, method or setting (the nearest one is named), a value outside its range, a method twice, or
            two that decide the same.
    """
    head, *further = parts(name)
    if head.name not in RECIPES:
        raise unknown("recipe", head.name, RECIPES)
    known = RECIPES[head.name]
    for each in (*map(method_of, further), *methods):
        known += each
    given = [
        *(_parsed(setting, known) for setting in head.settings),
        *((of_today(key), value) for key, value in overrides.items()),
    ]
    both = dict(given)
    if len(both) < len(given):
        twice = next(key for key in both if [each for each, _ in given].count(key) > 1)
        raise UserError(f"{twice} stands twice in the recipe {name!r}; give it once")
    if label is not None:
        return known.with_settings(both, name=label)
    tail = known.name.removeprefix(head.name)
    own = known.with_settings(both, name=f"{head.name}({written_settings(both)}){tail}")
    return dataclasses.replace(own, name=telling_name(own, {}, {}))


def from_json(value: Mapping[str, Any], *, with_methods: bool = True) -> Recipe:
    """Read back what :meth:`Recipe.to_json` wrote, in this version or before: what it lacks means "as before".

    Args:
        value: of a stored recipe.
        with_methods: False leaves out its further methods, whose code may be the user's and gone by now.

    Raises:
        UserError: Unknown method or field, or a bad value.
    """
    said = str(value.get("method"))
    inline = _METHODS[said] if said in _METHODS and _METHODS[said].inline else None
    kind = Recipe if inline is not None else METHODS.get(said)
    if kind is None:
        known = [*METHODS, *(name for name, method in _METHODS.items() if method.inline)]
        raise unknown("method", value.get("method"), known, where="a stored recipe")
    fields = {key: content for key, content in from_stored(value).items() if key not in ("method", "methods")}
    first = {key: fields.pop(key) for key in list(fields) if inline is not None and key in inline.field_types()}
    for key in fields:
        if key != "name" and key not in kind.field_types():
            raise unknown("setting", key, kind.field_types(), where=f"a stored {said} recipe")
    listed = [methods.from_json(each) for each in (value.get("methods", ()) if with_methods else ())]
    both = [*([inline(**{**inline.ADDED, **first})] if inline is not None else []), *listed]
    return kind(**{**kind.ADDED, **fields}, methods=tuple(both))


def stored_values(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a stored recipe says by name of setting, for tables: the code of a method of the user's own is not needed.

    ``method`` is what it says that it is; ``methods``, where it has further ones, are their names.
    """
    said, listed = str(value.get("method")), value.get("methods", ())
    kinds = [_METHODS[name] for name in (said, *(str(each.get("name")) for each in listed)) if name in _METHODS]
    later = {kind.key(name): neutral for kind in kinds for name, neutral in kind.ADDED.items()}
    own = {key: content for key, content in from_stored(value).items() if key not in ("name", "methods")}
    return {**METHODS.get(said, Recipe).ADDED, **later, **own, **settings_of_methods(value)}


def setting_types() -> dict[str, FieldType]:
    """What each setting that has a name may hold: fields of recipes, then of the methods (``llrd.decay``)."""
    of_methods = {kind.key(name): field for kind in _METHODS.values() for name, field in kind.field_types().items()}
    return {**Recipe.field_types(), **of_methods}


def setting_type(name: str, where: str = "") -> FieldType:
    """What a setting may hold: also one of a method of the user's own, ``module:Class.setting``.

    Raises:
        UserError: no setting has this name (the nearest one is named).
    """
    known = setting_types()
    owner, _, setting = name.rpartition(".")
    if extensions.is_written(owner):
        own = methods.find(owner).field_types()
        known |= {f"{owner}.{key}": field for key, field in own.items()}
    elif owner in _METHODS and setting in _METHODS[owner].field_types():
        return _METHODS[owner].field_types()[setting]  # of one that is stored inline, too
    if name not in known:
        raise unknown("setting", name, known, where=where)
    return known[name]


def parse_setting(text: str) -> tuple[str, Any]:
    """Read a setting as it is written on a command line.

    >>> parse_setting("learning_rate=3e-5")
    ('learning_rate', 3e-05)

    The field may belong to any method; whether a recipe has it shows when it is set. ``default`` stands for None, a
    value that the model's family decides.

    Raises:
        UserError: No ``=``, an unknown field (the nearest one is named), or a bad value (the valid ones are named).
    """
    name, written = split_setting(text)
    name = of_today(name)
    return name, setting_type(name).parse(name, written)


def _parsed(text: str, recipe: Recipe) -> tuple[str, Any]:
    """A setting in the brackets of a recipe's name."""
    name, written = split_setting(text)
    full = recipe.setting(of_today(name))
    return full, recipe.setting_types()[full].parse(name, written)
