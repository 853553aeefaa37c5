"""Recipes as people write them: ``name(field=value, ...) + method(setting=value, ...)``, or as a table of a study file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedproof.errors import UserError
from seedproof.methods import Method, find, method
from seedproof.recipes.base import Recipe

_SETTING = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,"'])+|["']""")
"""A setting up to the next comma outside of quotes; a quote that nothing closes stands alone, and is refused as a setting."""
_NAME = re.compile(r"\s*([\w.:-]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """A name with its settings in brackets."""

    name: str
    settings: tuple[str, ...]
    """``field=value`` each."""


def as_recipe(written: Recipe | str | Mapping[str, Any]) -> Recipe:
    """Make a recipe of whatever a study holds.

    >>> as_recipe("mosbach(epochs=10)").epochs
    10.0

    Raises:
        UserError: it cannot be read, or names an unknown recipe, method or setting, or a bad value.
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
    settings = flattened(written)
    if "name" not in settings:
        raise UserError(f"the recipe {settings} has no name; give the name of the recipe that it changes")
    name, methods = settings.pop("name"), settings.pop("methods", ())
    if not isinstance(name, str):
        raise _unreadable(written)
    if isinstance(methods, (str, Mapping)) or not isinstance(methods, Sequence):
        raise UserError(f'the methods {methods!r} of the recipe {name!r} must be a list, e.g. ["llrd(decay=0.9)"]')
    return recipe(name, methods=tuple(map(as_method, methods)), **settings)


def as_method(written: Method | str | Mapping[str, Any]) -> Method:
    """Make a method of whatever a recipe's list holds.

    >>> print(as_method({"name": "mixout", "p": 0.3}))
    mixout(p=0.3)

    Raises:
        UserError: it cannot be read, or names an unknown method or setting, or a bad value.
    """
    if isinstance(written, Method):
        return written
    if isinstance(written, str):
        return method_of(one(written, "method"))
    if not isinstance(written, Mapping) or not isinstance(written.get("name"), str):
        raise UserError(f"the method {written!r} cannot be read; write a name, or name(setting=value, setting=value)")
    return method(written["name"], **{key: value for key, value in written.items() if key != "name"})


def method_of(part: Part) -> Method:
    """The method that a part of a written recipe names.

    Raises:
        UserError: an unknown method or setting (the nearest is named), or a bad value.
    """
    kinds = find(part.name).field_types()
    settings: dict[str, Any] = {}
    for text in part.settings:
        name, value = split_setting(text)
        if name in settings:
            raise UserError(f"{name} stands twice in the method {part.name!r}; give it once")
        settings[name] = kinds[name].parse(f"{part.name}: {name}", value) if name in kinds else value
    return method(part.name, **settings)


def flattened(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their full names: TOML reads ``llrd.decay = 0.9`` as a table in a table."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        inner = flattened(value) if isinstance(value, Mapping) else None
        flat |= {name: value} if inner is None else {f"{name}.{key}": each for key, each in inner.items()}
    return flat


def split_setting(text: str) -> tuple[str, str]:
    """Name and value of ``field=value``.

    Raises:
        UserError: there is no ``=``.
    """
    name, equals, value = text.partition("=")
    if len(quoted := value.strip()) > 1 and quoted[0] == quoted[-1] and quoted[0] in "\"'":
        value = quoted[1:-1]
    if not equals:
        raise UserError(
            f"setting {text!r} has no '='; write it as field=value, e.g. learning_rate=3e-5 (a value "
            'that has a comma stands in quotes: targets="query,value")'
        )
    return name.strip(), value


def parts(written: str) -> list[Part]:
    """The recipe and its methods, from ``name(field=value, ...) + method(setting=value, ...)``.

    Raises:
        UserError: it is not of that form.
    """
    if not isinstance(written, str):
        raise _unreadable(written)
    return [one(text, "recipe", of=written) for text in _split(written)]


def one(text: str, kind: str, of: str | None = None) -> Part:
    """One name with settings.

    Raises:
        UserError: it is not of that form.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise _unreadable(text if of is None else of, kind)
    return Part(match[1], tuple(part for part in _SETTING.findall(match[2] or "") if part.strip()))


def _split(written: str) -> list[str]:
    """The texts between the plus signs outside of brackets."""
    texts, depth = [""], 0
    for character in written:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "+" and depth == 0:
            texts.append("")
        else:
            texts[-1] += character
    return texts


def _unreadable(written: object, kind: str = "recipe") -> UserError:
    more = ", with ' + method(setting=value)' behind it for each method" if kind == "recipe" else ""
    return UserError(f"the {kind} {written!r} cannot be read; write a name, or name(field=value, field=value){more}")
