"""The real step size against the published closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seedproof.analysis.step_sizes import COLUMNS, matched_divisors, step_size_table
from seedproof.errors import UserError
from seedproof.recipes import recipe, resolve

DEVLIN = resolve(recipe("devlin"), "bert", None).recipe
CORRECTED = resolve(recipe("devlin", label="corrected", bias_correction=True), "bert", None).recipe


def test_three_epochs_of_rte():
    """Published: k(1) = .316, k(46) = .214 at the end of warm-up, k(468) = .61; matched divisor 3.0, and 1 if corrected."""
    table = step_size_table([DEVLIN, CORRECTED], 468)
    assert list(table) == list(COLUMNS)
    plain = table[table["recipe"] == "devlin"].set_index("step")
    assert plain.loc[[1, 46, 468], "factor"].round(3).tolist() == [0.316, 0.214, 0.611]
    assert plain["step_size"].to_numpy() == pytest.approx((plain["learning_rate"] / plain["factor"]).to_numpy())
    assert plain["learning_rate"].max() == plain.loc[47, "learning_rate"] == 2e-5
    divisors = matched_divisors(table).set_index("recipe")
    assert divisors.loc["devlin", "divisor"] == pytest.approx(3.0, abs=0.05)
    assert divisors.loc["corrected", "divisor"] == 1
    assert divisors.loc["corrected", ["steps", "largest_step_size"]].tolist() == [468, 2e-5]


def test_the_factor_is_shown_for_a_recipe_that_corrects():
    """The same betas, the same k(t); only the step size differs."""
    table = step_size_table({"a": DEVLIN, "b": CORRECTED}, {"a": 20, "b": 20})
    factors = [table.loc[table["recipe"] == label, "factor"].to_numpy() for label in "ab"]
    assert (factors[0] == factors[1]).all()
    corrected = table[table["recipe"] == "b"]
    assert (corrected["step_size"] == corrected["learning_rate"]).all()


def test_betas_schedule_and_lengths_are_the_recipe_s_own():
    """RoBERTa's beta2 .98: k(70) = .87; epochs and batches of the recipe do not change the asked number of steps."""
    roberta = resolve(recipe("mosbach", bias_correction=False, max_steps=9), "roberta", None).recipe
    table = step_size_table({"roberta": roberta, "short": DEVLIN}, {"roberta": 100, "short": 10})
    assert table.groupby("recipe").size().to_dict() == {"roberta": 100, "short": 10}
    assert table.loc[(table["recipe"] == "roberta") & (table["step"] == 70), "factor"].round(2).tolist() == [0.87]
    constant = dataclasses.replace(DEVLIN, schedule="constant", warmup_ratio=0.0)
    assert (np.diff(step_size_table([constant], 5)["learning_rate"]) == 0).all()


def test_mistakes():
    """No recipe, one label for two, no length, not resolved."""
    with pytest.raises(UserError, match="give at least one"):
        step_size_table([], 5)
    with pytest.raises(UserError, match="different names, found devlin, devlin"):
        step_size_table([DEVLIN, DEVLIN], 5)
    with pytest.raises(UserError, match="'devlin' needs a number of steps of at least 1, found None"):
        step_size_table([DEVLIN], {"other": 5})
    with pytest.raises(UserError, match="depends on the model"):
        step_size_table([recipe("devlin")], 5)
