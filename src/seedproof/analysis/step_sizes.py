"""The real size of a recipe's steps over time (paper, Figure 6, with warm-up and schedule included)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedproof.errors import UserError
from seedproof.spec import Seeds
from seedproof.training.plan import correction_factor, make_plan

if TYPE_CHECKING:
    from seedproof.recipes import Recipe

COLUMNS = ("recipe", "step", "factor", "learning_rate", "step_size")


def step_size_table(recipes: Iterable[Recipe] | Mapping[str, Recipe], steps: int | Mapping[str, int]) -> pd.DataFrame:
    """Learning rate and step size of each step.

    Args:
        recipes: resolved for a model; by label, or labelled by their names.
        steps: of the whole training: one number, or one per label.

    Returns:
        Columns ``COLUMNS``; ``factor`` is k(t) of the recipe's betas, with which bias correction multiplies Adam's step,
        whether the recipe corrects or not; ``step_size`` is the learning rate, divided by k(t) where it does not correct:
        the rate at which an Adam with correction would take the same step. Step 1 is the first; warm-up starts from 0.

    Raises:
        UserError: no recipe, two with one label, a label without a number of steps, or a recipe that is not resolved.
    """
    labelled = _labelled(recipes)
    lengths = dict.fromkeys(labelled, steps) if isinstance(steps, int) else dict(steps)
    parts = []
    for label, recipe in labelled.items():
        if label not in lengths or lengths[label] < 1:
            raise UserError(f"recipe {label!r} needs a number of steps of at least 1, found {lengths.get(label)}")
        # The plan draws batches too, which do not matter here: one example per batch and a batch per epoch is the cheapest.
        fixed = dataclasses.replace(recipe, max_steps=lengths[label], extra_step=False, batch_size=1, select="last")
        plan = make_plan(fixed, Seeds.from_number(0), examples=1, evaluations=1)
        factor = correction_factor(np.arange(plan.steps) + 1, recipe.required("beta1"), recipe.required("beta2"))
        columns = {"recipe": label, "step": np.arange(plan.steps) + 1, "factor": factor}
        parts.append(pd.DataFrame(columns | {"learning_rate": plan.learning_rates, "step_size": plan.step_sizes}))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def matched_divisors(table: pd.DataFrame) -> pd.DataFrame:
    """Divisor of each recipe's learning rate that gives the same mean step size with bias correction.

    Args:
        table: of :func:`step_size_table`.

    Returns:
        Columns ``recipe``, ``steps``, ``peak_learning_rate``, ``largest_step_size`` and ``divisor``, the mean of 1/k(t)
        weighted by the schedule: 1 for a recipe with correction, 3.0 for three epochs of RTE without (NaN at rate 0).
    """
    rows = []
    for label, part in table.groupby("recipe", sort=False):
        rates, sizes = part["learning_rate"], part["step_size"]
        divisor = sizes.sum() / rates.sum() if rates.sum() > 0 else float("nan")
        rows.append((label, len(part), rates.max(), sizes.max(), divisor))
    return pd.DataFrame(rows, columns=["recipe", "steps", "peak_learning_rate", "largest_step_size", "divisor"])


def _labelled(recipes: Iterable[Recipe] | Mapping[str, Recipe]) -> dict[str, Recipe]:
    if isinstance(recipes, Mapping):
        labelled = dict(recipes)
    else:
        listed = list(recipes)
        labelled = {recipe.name: recipe for recipe in listed}
        if len(labelled) < len(listed):
            raise UserError(f"recipes to compare need different names, found {', '.join(r.name for r in listed)}")
    if not labelled:
        raise UserError("no recipe to show step sizes of; give at least one")
    return labelled
