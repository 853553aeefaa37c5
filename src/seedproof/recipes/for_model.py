"""A recipe resolved for a model: what its family and its card give, and what the model itself calls for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedproof.recipes import Recipe, Resolved, resolve
from seedproof.recipes.card import settings_of_card

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource


def resolve_for(recipe: Recipe, source: ModelSource, settings: Mapping[str, Any] | None = None) -> Resolved:
    """Fix every value of ``recipe`` for a model, see :func:`seedproof.recipes.resolve`.

    Raises:
        UserError: as there; the model cannot be built, or is none that the recipe can train.
    """
    card = settings_of_card(source)
    first = resolve(recipe, source.family, card, settings)
    _check_methods(first.recipe, source)
    called_for = right_values(first.recipe, source)
    return resolve(recipe, source.family, card, settings, called_for) if called_for else first


def right_values(recipe: Recipe, source: ModelSource) -> dict[str, Any]:
    """The values of ``Recipe.ADDED`` that are right for a model where what was done before them is not.

    Where both are the same computation the value is left out: the runs are those that they always were.

    Args:
        recipe: resolved without them.
        source: the model.
    """
    from seedproof.models import facts
    from seedproof.models.decay import without_decay

    values: dict[str, Any] = {}
    if recipe.schedule == "linear-drop" and recipe.warmup_ratio > 0:
        values["warmup_end"] = "exact"
    if facts.inputs(source, "model") != facts.inputs(source, "tokenizer"):
        values["inputs"] = "model"
    if not facts.is_dropout_set_by_configuration(source, recipe.required("dropout")):
        values["dropout_scope"] = "modules"
    model = facts.skeleton(source)
    if recipe.required("weight_decay") > 0 and without_decay(model, "norms") != without_decay(model, "layer_norms"):
        values["no_decay"] = "norms"
    for method in recipe.methods:
        values |= {method.key(name): value for name, value in method.right_values(source).items()}
    return values


def _check_methods(recipe: Recipe, source: ModelSource) -> None:
    if recipe.methods:
        from seedproof.models import facts

        model = facts.skeleton(source)
        for method in recipe.methods:
            method.check_model(model)
