"""Which runs a figure takes: the first in a stated order; what is missing is said with numbers. On made tables of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from tests.paper.tiny import tiny_scale

from seedproof.paper import planes
from seedproof.paper.blocks import Block
from seedproof.paper.figure import FAILED, FITTED, SUCCEEDED, Found, choose, incomplete, lacking

VERDICTS = {
    "succeeded": {"state": "finished", "outcome": "succeeded", "kind": "fitted", "reason": None},
    "unlearned": {"state": "finished", "outcome": "succeeded", "kind": "unlearned", "reason": None},
    "failed": {"state": "finished", "outcome": "failed", "kind": "collapsed", "reason": "majority"},
    "diverged": {"state": "finished", "outcome": "failed", "kind": None, "reason": "diverged"},
    "pending": {"state": "pending", "outcome": None, "kind": None, "reason": None},
}


def found(outcomes: dict[tuple[str, str, str], str], scale=None, **parts: Any) -> Found:
    """What is found when runs of planes had these outcomes by task, recipe and seed; all others succeeded."""
    scale = scale or tiny_scale(plane_heads=(0, 5), plane_orders=3)
    rows = []
    for block in planes.blocks(scale):
        for key in block.run_keys():
            outcome = outcomes.get((key.task, key.recipe, key.seed), "succeeded")
            rows.append(
                {
                    "task": block.task_name(scale),
                    "model": "m",
                    "recipe": key.recipe,
                    "seed": key.seed,
                    "run": f"{key.task} {key.recipe} {key.seed}",
                    **VERDICTS[outcome],
                    "key": key,
                }
            )
    return Found(scale=scale, store=parts.get("store"), runs=pd.DataFrame(rows), measure=parts.get("measure"))


def of_rte(what: Found, head: int) -> tuple[pd.DataFrame, Block]:
    block = planes.of_head(what.scale, "rte", head)
    return what.of(block), block


def test_the_first_of_an_outcome_are_taken_and_diverged_ones_never():
    runs, _ = of_rte(found({("rte", "devlin", "0"): "diverged", ("rte", "devlin", "0/1/1"): "failed"}), 0)
    assert choose(runs, FAILED)["seed"].tolist() == ["0/1/1"]
    assert choose(runs, SUCCEEDED, 1)["seed"].tolist() == ["0/2/2"]
    [note] = lacking(runs, FAILED, 3, "forgetting")
    assert note.startswith("forgetting: 1 of 3 finished runs failed (1 more diverged")
    assert lacking(runs, SUCCEEDED, 1, "forgetting") == []


def test_a_run_that_succeeded_without_learning_is_not_taken_for_a_fitted_one():
    """Its loss at the entropy, it stands a few examples above the majority: no optimum to be compared with."""
    runs, _ = of_rte(found({("rte", "devlin", "0"): "unlearned", ("rte", "devlin", "0/1/1"): "failed"}), 0)
    assert choose(runs, FITTED)["seed"].tolist() == ["0/2/2"]
    assert len(choose(runs, SUCCEEDED)) == 2


def test_runs_that_are_not_finished_are_counted_by_state():
    runs, _ = of_rte(found({("rte", "devlin", "0"): "pending"}), 0)
    assert incomplete(runs) == ["1 of 3 runs are not finished (1 pending); they are not in the tables"]
    assert incomplete(runs.iloc[1:]) == []


def test_a_plane_has_the_first_failed_and_the_first_successful_run_of_the_first_head_that_has_both():
    what = found({("rte", "devlin", "5/1/1"): "failed", ("rte", "devlin", "5/2/2"): "failed"})
    table = planes.pairs(what, "rte")
    assert table["seed_failed"].tolist() == ["5/1/1", "5/2/2"]
    assert table["seed_successful"].tolist() == ["5/0/0", "5/0/0"]
    assert table["plane"].is_unique


def test_where_all_runs_of_a_head_failed_the_papers_recipe_stands_in():
    failed = {("rte", "devlin", seed): "failed" for seed in ("0", "0/1/1", "0/2/2")}
    table = planes.pairs(found(failed), "rte")
    assert table["recipe_successful"].tolist() == ["mosbach"] * 3
    assert set(table["seed_successful"]) == {"0"}
    failed |= {("rte", "mosbach", "0"): "failed"}
    assert planes.pairs(found(failed), "rte").empty


@dataclass
class NoSurface:
    """Stands in for measurements that must not be asked for."""

    def surface(self, failed: str, successful: str) -> Any:
        raise AssertionError(f"no plane was to be measured, but {failed} and {successful} were")


def test_without_a_failed_run_nothing_is_drawn_and_the_counts_are_said(tmp_path):
    from seedproof.paper.fig7 import FIGURE

    content = planes.content(found({}, measure=NoSurface()), barriers=True)
    assert FIGURE.draw(content.tables, tmp_path) == []
    assert any("0 failed, 6 fitted" in note for note in content.notes)
    assert content.evidence is not None
    assert content.evidence.runs.empty  # runs for planes are no sample of a cell
    assert content.tables["barriers"].empty


def test_a_block_gives_its_own_runs_in_its_order():
    what = found({})
    runs, block = of_rte(what, 5)
    assert runs["seed"].tolist() == [seed.label for seed in block.seeds]
    assert "key" not in runs
    assert what.none.empty
    assert list(what.none.columns) == list(runs.columns)
