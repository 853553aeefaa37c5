"""Settings in a model's card, checked: what a recipe leaves to the model, where the model differs from its family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError, unknown
from seedproof.recipes.base import Recipe
from seedproof.recipes.resolve import CARD_FIELDS

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource


def settings_of_card(source: ModelSource) -> Mapping[str, Any]:
    """Settings in a model's card by field, typed; those of :data:`seedproof.recipes.resolve.CARD_FIELDS`.

    Raises:
        UserError: a field that a card cannot set (the nearest one is named), or a value outside its range; the message
            names the file.
    """
    kinds, settings = Recipe.field_types(), {}
    where = f"the front matter of {source.folder / 'README.md'}"
    for name, value in source.card.items():
        if name not in CARD_FIELDS:
            raise unknown("setting", name, CARD_FIELDS, where=where)
        try:
            settings[name] = kinds[name].parse(name, str(value))
        except UserError as error:
            raise UserError(f"{error} (in {where})") from None
    return settings
