"""Blocks of runs: one name for one recipe, each run once, weights wherever one figure needs them."""

from __future__ import annotations

import dataclasses

import pytest

from seedproof.paper.blocks import CORRECTED, DEVLIN, block, mosbach, short_name, united, varied, with_weights
from seedproof.paper.sizes import MINI, PAPER
from seedproof.recipes import as_recipe, resolve
from seedproof.spec import Seeds
from seedproof.training.plan import make_plan


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("epochs", [3.0, 10.0, 20.0])
@pytest.mark.parametrize("correction", [False, True])
def test_a_variant_is_what_it_says_and_its_name_makes_it_again(factor, epochs, correction):
    made = varied(factor, epochs=epochs, correction=correction)
    assert (made.learning_rate_factor, made.epochs, made.bias_correction) == (factor, epochs, correction)
    again = as_recipe(made.name)
    assert again.to_json() == made.to_json()


def test_the_plain_names_stay_plain():
    assert varied().name == DEVLIN
    assert varied(correction=True).name == CORRECTED
    assert mosbach(PAPER).name == "mosbach"
    assert mosbach(MINI).name == "mosbach"
    assert mosbach(dataclasses.replace(MINI, long_epochs=10.0)).name == "mosbach(epochs=10)"
    assert short_name(varied(0.5, correction=True)) == "lr x0.5, corrected"


@pytest.mark.parametrize("scale", [MINI, PAPER], ids=lambda scale: scale.name)
@pytest.mark.parametrize("examples", [None, 250])
@pytest.mark.parametrize("wanted", ["devlin", "mosbach"])
def test_steps_are_counted_as_the_plan_counts_them(scale, examples, wanted):
    for settings in ({}, {"max_steps": 7}):
        size = dataclasses.replace(scale, settings=settings)
        each = block("mrpc", "bert", wanted, 1, examples=examples)
        settled = resolve(each.recipe, "bert", {"learning_rate": 1e-4}, settings).recipe
        plan = make_plan(settled, each.seeds[0], examples or scale.task("mrpc").train)
        assert each.steps(size) == plan.steps


def test_each_run_is_there_once_and_seeds_of_one_recipe_are_joined():
    first, second = (
        block("rte", "bert", DEVLIN, 3),
        block("rte", "bert", DEVLIN, [Seeds.from_number(2), Seeds(head=0, order=1, dropout=1)]),
    )
    [joined] = united([first, second])
    assert [seed.label for seed in joined.seeds] == ["0", "1", "2", "0/1/1"]
    other = block("rte", "bert", DEVLIN, 3, examples=10)
    assert len(united([first, other])) == 2


def test_weights_are_kept_wherever_any_figure_needs_them():
    asked = [block("rte", "bert", DEVLIN, 4)]
    parts = with_weights(
        asked, [block("rte", "bert", DEVLIN, 2, weights=True), block("mrpc", "bert", DEVLIN, 4, weights=True)]
    )
    assert [(part.weights, [seed.label for seed in part.seeds]) for part in parts] == [
        (True, ["0", "1"]),
        (False, ["2", "3"]),
    ]
