"""The plan of every figure at both scales: what is run, how often, and that no run is there under two names."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from seedproof.errors import UserError
from seedproof.models.source import WEIGHTS
from seedproof.paper import FIGURES, STUDIES
from seedproof.paper.blocks import DEVLIN, Block, united
from seedproof.paper.estimate import estimate, evaluations, measured, plan_table, planned, run_bytes
from seedproof.paper.figure import get_figure
from seedproof.paper.here import FLEET_GAIN
from seedproof.paper.real import real_scale
from seedproof.paper.reproduce import chosen_figures, every_figure
from seedproof.paper.scale import Scale
from seedproof.paper.sizes import MINI, PAPER
from seedproof.recipes import resolve

OWN = real_scale(str(WEIGHTS / "bert-shallow"))
EVERY = pytest.mark.parametrize("scale", [MINI, PAPER, OWN, OWN.only("rte")], ids=["mini", "paper", "real", "rte"])


def runs_of(name: str, scale) -> int:
    return sum(len(block.seeds) for block in united(get_figure(name).blocks(scale)))


def settled_recipe(block: Block, scale: Scale) -> str:
    """The resolved recipe without its name: blocks of one task and model with equal ones are the same runs."""
    model = scale.model(block.model)
    settled = resolve(block.recipe, model.family, model.card, scale.settings).recipe.to_json()
    return json.dumps({name: value for name, value in settled.items() if name != "name"}, sort_keys=True)


def test_every_name_is_a_figure_of_that_name():
    assert {name: get_figure(name).name for name in FIGURES} == {name: name for name in FIGURES}
    assert set(STUDIES) == {"demo", "all", *FIGURES}
    assert [figure.name for figure in chosen_figures(["all"], MINI)] == list(FIGURES)
    assert [figure.name for figure in chosen_figures(["fig5", "fig1", "fig5"], MINI)] == ["fig1", "fig5"]
    with pytest.raises(UserError, match="did you mean 'fig1'"):
        chosen_figures(["figg1"], MINI)


@EVERY
def test_no_run_has_two_names(scale):
    """Two recipes that resolve alike would be one run in two cells, counted twice in tables."""
    names = defaultdict(set)
    for block in united(block for figure in every_figure(scale) for block in figure.blocks(scale)):
        settled = settled_recipe(block, scale)
        for seed in block.seeds:
            names[block.task, block.examples, block.model, settled, seed.label].add(block.recipe.name)
    assert all(len(found) == 1 for found in names.values())


@EVERY
def test_all_runs_each_run_once_and_no_more_than_the_figures_together(scale):
    everything = every_figure(scale)
    keys = [key for block in planned(everything, scale, everything) for key in block.run_keys()]
    assert len(keys) == len(set(keys))
    assert set(keys) == {key for figure in everything for block in figure.blocks(scale) for key in block.run_keys()}
    assert len(keys) < sum(runs_of(name, scale) for name in FIGURES)


@pytest.mark.slow
@EVERY
def test_what_is_kept_of_a_run_does_not_depend_on_the_figures_asked_for(scale):
    everything = every_figure(scale)
    together = {key: block.weights for block in planned(everything, scale, everything) for key in block.run_keys()}
    for figure in everything:
        for block in planned([figure], scale, everything):
            assert {together[key] for key in block.run_keys()} == {block.weights}


def test_the_papers_numbers_of_runs():
    assert runs_of("fig1", PAPER) == 3 * 3 * 25
    assert runs_of("fig3", PAPER) == 3 * 3 * 25
    assert runs_of("fig5", PAPER) == 3 * 6 * 25 + 3 * 25  # with the control at a quarter of the rate
    assert runs_of("fig9", PAPER) == 450
    assert runs_of("fig6", PAPER) == 0


def test_the_miniatures_seeds_and_epochs_are_no_fewer_than_asked():
    assert MINI.seeds >= 20
    assert MINI.grid_seeds >= 5
    assert MINI.long_epochs >= 10
    for name in ("table1", "fig1", "fig5"):
        assert all(len(block.seeds) >= 20 for block in get_figure(name).blocks(MINI))
    for name in ("fig8", "fig9"):
        assert all(len(block.seeds) >= 5 for block in get_figure(name).blocks(MINI))
    for figure in every_figure(MINI):
        for block in figure.blocks(MINI):
            assert block.recipe.max_steps is not None or block.recipe.epochs in (3, 10, 20)


@EVERY
def test_equal_steps_are_equal_and_subsets_are_named_for_what_they_are(scale):
    blocks = get_figure("fig3").blocks(scale)
    count = len(blocks) // 3
    full, few, long = (blocks[start : start + count] for start in (0, count, 2 * count))
    assert count == len(scale.subsets) * len(scale.subset_seeds)
    for one, two, three in zip(full, few, long, strict=True):
        assert one.task == two.task == three.task
        assert three.steps(scale) == one.steps(scale) > two.steps(scale)
        assert two.task_name(scale) == three.task_name(scale) != one.task_name(scale)
        assert (
            f"[{scale.subsets[one.task]} of {one.task and scale.task(one.task).train}, seed {two.subset}]"
            in two.task_name(scale)
        )


@EVERY
def test_planes_are_looked_for_among_runs_that_share_a_head(scale):
    for block in get_figure("fig7").blocks(scale):
        assert block.weights
        assert len({seed.head for seed in block.seeds}) == 1
        if block.recipe.name == DEVLIN:
            assert [seed.order for seed in block.seeds] == list(range(scale.plane_orders))
            assert all(seed.order == seed.dropout for seed in block.seeds)


def test_the_estimate_of_the_miniature_keeps_within_the_limits():
    everything = every_figure(MINI)
    whole = estimate(everything, MINI, everything)
    assert whole.hours(jobs=2) / FLEET_GAIN < 4  # the estimate is of the plain engine
    assert whole.disk_bytes < 5 * 2**30
    table = plan_table(everything, MINI, everything)
    assert table["runs"].sum() == whole.runs
    assert (table["runs"] * table["steps"]).sum() == whole.steps
    assert set(table["ids"]) == {"pending"}


def test_equal_measurements_count_once():
    surfaces = measured([get_figure("fig13")], MINI)
    assert set(surfaces) < set(measured([get_figure("fig7"), get_figure("fig13")], MINI))
    assert len(measured([get_figure("fig7"), get_figure("fig13")], MINI)) == len(measured([get_figure("fig7")], MINI))


def test_kept_weights_are_what_makes_a_run_large():
    fig2, fig1 = [get_figure("fig2")], [get_figure("fig1")]
    with_them, without = planned(fig2, PAPER, fig2), planned(fig1, PAPER, fig1)
    assert run_bytes(with_them[0], PAPER) > 1e9
    assert run_bytes(without[0], PAPER) < 1e7
    assert evaluations(without[0], PAPER) == 3
