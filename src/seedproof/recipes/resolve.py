"""Resolving a recipe for a model: every value fixed, and for each where it came from.

The order: the user's settings win, then the recipe's own values, then, for what the recipe leaves open, the model's card,
then the defaults of the model's family (a learning rate of 2e-5).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from seedproof.recipes.base import Recipe
from seedproof.recipes.naming import is_named, telling_name
from seedproof.renamed import taken

DEFAULT_LEARNING_RATE = 2e-5
"""Paper, section 2; for models whose card gives none."""

_BERT = MappingProxyType({"dropout": 0.1, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01, "clip": "global"})
_FAMILIES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # beta2 .98 (RoBERTa) and no decay (ALBERT) stand in the paper's code; its text has .999 and .01.
        "roberta": MappingProxyType({**_BERT, "beta2": 0.98, "weight_decay": 0.1, "clip": "none"}),
        "albert": MappingProxyType({**_BERT, "dropout": 0.0, "weight_decay": 0.0}),
    }
)


CARD_FIELDS = ("learning_rate", *_BERT)
"""Fields that recipes leave open for the model: what a card may set."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A recipe with every value fixed for one model."""

    recipe: Recipe
    origins: Mapping[str, str]
    """Setting -> ``"user"``, ``"recipe"``, ``"method"`` (its default), ``"family bert"``, ``"model card"``, ``"model"`` (also
    where the recipe's methods decide together) or ``"default"``."""


class Row(NamedTuple):
    """One line of a printed recipe."""

    field: str
    value: Any
    origin: str


def family_defaults(family: str) -> Mapping[str, Any]:
    """What a family (``model_type``) gives to fields that a recipe leaves open; BERT's for a family without its own."""
    return _FAMILIES.get(family, _BERT)


def resolve(
    recipe: Recipe,
    family: str,
    card: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    added: Mapping[str, Any] | None = None,
) -> Resolved:
    """Fix every value of ``recipe`` for a model.

    Args:
        recipe: A recipe; what it leaves None is filled.
        family: ``model_type`` of the model's configuration, e.g. ``"roberta"``.
        card: Settings in the model's card, typed values by field of :data:`CARD_FIELDS`; None without a card.
        overrides: The user's settings, typed values by field; None for a field asks for the family's default even
            where the recipe has its own.
        added: What is right for this model in fields of :attr:`Recipe.ADDED` that the recipe leaves open; what is missing
            here is as before the field came.

    Raises:
        UserError: Unknown field, or a value outside its range.
    """
    settings = taken(overrides or {})
    settled = recipe.with_settings(settings)
    values, before = settled.values(), recipe.values()
    asked = dict.fromkeys(settled.setting(name) for name in settings)
    changed = {name: values[name] for name in asked if values[name] != before[name]}
    defaults, later = _defaults(family, card or {}), settled.added()
    called_for = dict(added or {}) | _right_beside_each_other(settled)
    filled: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, value in values.items():
        if value is None and name in defaults:
            filled[name], origins[name] = defaults[name]
        elif value is None and name in later:
            filled[name], origins[name] = (
                (called_for[name], "model") if name in called_for else (later[name], "default")
            )
        elif name in settled.user_settings:
            origins[name] = "user"
        else:
            origins[name] = _origin(name, value, settled)
    of_the_model = {field: value for field, (value, _) in defaults.items()} | called_for
    name = telling_name(settled, changed, of_the_model)
    resolved = dataclasses.replace(settled.with_values(filled), name=name)
    for method in resolved.methods:
        method.check(resolved)
    return Resolved(recipe=resolved, origins=MappingProxyType(origins))


def _right_beside_each_other(recipe: Recipe) -> dict[str, Any]:
    """What is right in fields that came later because of the other methods of the recipe."""
    return {
        method.key(name): value
        for method in recipe.methods
        for name, value in method.right_beside(recipe.methods).items()
    }


def _origin(name: str, value: Any, recipe: Recipe) -> str:
    """Where a setting comes from that no model and, as far as is remembered, no user has given."""
    for method in recipe.methods:
        for setting in method.field_types():
            if method.key(setting) == name and not method.inline and value == getattr(type(method), setting, None):
                return "method"
    return "user" if is_named(name, recipe.name) else "recipe"


def _defaults(family: str, card: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """What a model gives to fields that a recipe leaves open, with where it comes from."""
    usual = {name: (value, f"family {family}") for name, value in family_defaults(family).items()}
    rate = {"learning_rate": (DEFAULT_LEARNING_RATE, "default")}
    return {**usual, **rate, **{name: (value, "model card") for name, value in card.items()}}


def describe(resolved: Resolved) -> list[Row]:
    """The rows to print: each field, its value and its origin; the peak learning rate where a factor changes it."""
    recipe = resolved.recipe
    values = recipe.values()
    rows = [Row(name, values[name], origin) for name, origin in resolved.origins.items()]
    if recipe.learning_rate_factor != 1.0:
        below = next(index for index, row in enumerate(rows) if row.field == "learning_rate_factor") + 1
        product = "learning_rate * learning_rate_factor"
        rows.insert(below, Row("peak_learning_rate", recipe.peak_learning_rate, product))
    return rows
