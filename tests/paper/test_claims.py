"""What figures hand to the ledger of claims: their own runs, every finished run, one plane a head. On made tables of runs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.paper.test_choices import found as found_planes
from tests.paper.tiny import tiny_scale

from seedproof.analysis.claims import CLAIMS, merge
from seedproof.paper import fig5, fig8, gradients, planes, table1
from seedproof.paper.ablation import grid
from seedproof.paper.figure import Found
from seedproof.paper.sizes import MINI


class NoData(Found):
    """Without a store: the entropies of labels are not asked for here."""

    def label_entropies(self, runs: pd.DataFrame) -> dict[str, float]:
        return dict.fromkeys(runs["task"].unique(), 0.69)


def of_figures() -> NoData:
    """All runs of Figure 8, Figure 5 and Table 1: 20 seeds a cell, the grid 5. All succeeded."""
    scale = tiny_scale(models=MINI.models, seeds=20, grid_seeds=5)
    generator = np.random.default_rng(0)
    keys = {
        key: each
        for figure in (fig8.FIGURE, fig5.FIGURE, table1.FIGURE)
        for each in figure.blocks(scale)
        for key in each.run_keys()
    }
    rows = [
        {
            "task": each.task_name(scale),
            "model": scale.model(each.model).name,
            "recipe": each.recipe.name,
            "seed": key.seed,
            "run": str(number),
            "state": "finished",
            "outcome": "succeeded",
            "kind": "fitted",
            "reason": None,
            "score": 0.7 + 0.01 * generator.normal(),
            "fit_loss": 10 ** generator.uniform(-4, -1),
            "key": key,
        }
        for number, (key, each) in enumerate(keys.items())
    ]
    return NoData(scale=scale, store=None, runs=pd.DataFrame(rows), measure=None)


def test_the_grid_is_the_same_whatever_other_figures_are_made():
    what = of_figures()
    alone = fig8._evidence(what, what.of(*grid(what.scale)))
    of_fig5 = fig5._evidence(what, what.of(*fig5.FIGURE.blocks(what.scale)))
    shallow = what.of(*table1.controls(what.scale))
    of_table = table1._evidence(what, what.of(*table1.compared(what.scale)), shallow)
    whole = merge(alone, of_fig5, of_table)
    assert len(whole.runs) > len(alone.runs)
    assert set(whole.of("grid")["run"]) == set(alone.of("grid")["run"])
    assert whole.of("grid").groupby("cell").size().unique().tolist() == [5]
    examine = next(claim.examine for claim in CLAIMS if claim.id == "very-low-loss-harmless")
    one, other = examine(alone), examine(whole)
    assert (one.effect, one.p, one.n, one.seen) == (other.effect, other.p, other.n, other.seen)


def test_a_run_that_diverged_before_a_norm_was_recorded_is_kept():
    states = [("finished", "failed", "diverged"), ("pending", None, None)]
    rows = [
        {
            "task": "rte",
            "model": "miniature/bert-shallow",
            "recipe": "devlin",
            "seed": str(seed),
            "run": f"run {seed}",
            "state": state,
            "outcome": outcome,
            "reason": reason,
            "steps": 3,
        }
        for seed, (state, outcome, reason) in enumerate(states)
    ]
    runs = pd.DataFrame(rows)
    nothing = SimpleNamespace(
        scale=tiny_scale(),
        records=lambda part, _kinds: {run: [] for run in part.loc[part["state"] == "finished", "run"]},
    )
    table = gradients.vanishing(nothing, runs)
    assert table["run"].tolist() == ["run 0"]  # the other has not run
    assert table["outcome"].tolist() == ["failed"]
    assert table[["step", "fraction_of_training", "layers"]].isna().all(axis=None)
    assert str(table["step"].dtype) == "Int64"


class Edges:
    """A barrier on every edge, a ridge of the norm, and a fitted successful point."""

    def edges(self, failed: str, successful: str) -> SimpleNamespace:
        ends = {"point": ["p", "f", "s"], "loss": [0.7, 0.69, 0.1], "gradient_norm": [1.0, 2.0, 0.5]}
        barriers = {
            "edge": ["p-f", "f-s"],
            "barrier": 0.3,
            "norm_ridge": 2.0,
            "run_of_s": successful,
            "run_of_f": failed,
        }
        return SimpleNamespace(points=pd.DataFrame(ends), barriers=pd.DataFrame(barriers))


def grid_of(values: list[list[float]]) -> pd.DataFrame:
    steps = [0.0, 0.5, 1.0]
    rows = [(a, b, values[j][i], 3 * values[j][i]) for j, b in enumerate(steps) for i, a in enumerate(steps)]
    return pd.DataFrame(rows, columns=["alpha", "beta", "loss", "gradient_norm"])


def test_the_first_plane_of_each_head_counts_and_all_are_kept():
    failed = dict.fromkeys([("rte", "devlin", seed) for seed in ("0/1/1", "0/2/2", "5/2/2")], "failed")
    what = found_planes(failed, measure=Edges())
    ends = Edges().edges("f", "s").points
    # From f (alpha 1, beta 0) to s (alpha 0, beta 1): over .9 at least, past the 5.
    grid = grid_of([[9.0, 9.0, 0.69], [9.0, 5.0, 0.9], [0.1, 0.2, 0.3]])
    drawn = {what.scale.task("rte").name: SimpleNamespace(points=ends, grid=grid)}
    table = planes._barriers(what, planes.pairs(what, "rte"), drawn)
    assert table["plane"].nunique() == 3
    assert table.drop_duplicates(["task", "head"])["run"].tolist() == ["rte devlin 0/1/1", "rte devlin 5/2/2"]
    assert set(table["successful_loss"]) == {0.1}
    paths = table.drop_duplicates("plane")[["loss_path", "norm_path"]].to_numpy()
    assert paths[0] == pytest.approx([0.9 - 0.69, 2.7 / 2.0])
    assert np.isnan(paths[1:]).all()  # planes without a grid
