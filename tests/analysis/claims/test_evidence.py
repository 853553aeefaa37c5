"""Putting evidence together."""

from __future__ import annotations

import pandas as pd
import pytest

from seedproof.analysis.claims import CellKey, Evidence, Missing, cells, merge
from seedproof.errors import UserError

from .conftest import cell

DEEP, SHALLOW = CellKey("rte", "bert", "a"), CellKey("rte", "bert", "b")


def test_parts_are_united_and_equal_rows_kept_once():
    """Two figures that share runs and a role give each run once."""
    one = Evidence(runs=cell([1, 0], recipe="a"), roles={"deep": [DEEP]}, label_entropy={"rte": 0.69})
    other = Evidence(
        runs=pd.concat([cell([1, 0], recipe="a"), cell([0], recipe="b")]),
        roles={"deep": [DEEP], "shallow": [SHALLOW]},
        barriers=pd.DataFrame({"plane": ["a"], "edge": ["f-s"], "barrier": [0.1]}),
    )
    whole = merge(one, other, Evidence(runs=cell([], recipe="a")))
    assert len(whole.runs) == 3
    assert len(whole.of("deep")) == 2
    assert len(whole.of("shallow")) == 1
    assert len(whole.table("barriers")) == 1
    assert whole.label_entropy == {"rte": 0.69}
    assert whole.forgetting is None


def test_parts_that_contradict_each_other():
    """A role with other cells, another run under one name, another entropy."""
    runs = cell([1, 0], recipe="a")
    with pytest.raises(UserError, match="roles of 'deep' is"):
        merge(Evidence(runs=runs, roles={"deep": [DEEP]}), Evidence(runs=runs, roles={"deep": [SHALLOW]}))
    with pytest.raises(UserError, match="two different runs are called a on rte with bert, seed 0"):
        merge(Evidence(runs=runs), Evidence(runs=runs.assign(run=["x", "y"])))
    with pytest.raises(UserError, match=r"label_entropy of 'rte' is 0.6"):
        merge(Evidence(runs=runs, label_entropy={"rte": 0.6}), Evidence(runs=runs, label_entropy={"rte": 0.7}))
    with pytest.raises(UserError, match="at least one part"):
        merge()


def test_the_runs_of_a_role():
    """Finished ones, with the place of their cell; what is missing is named."""
    runs = pd.concat([cell([1, 0], recipe="b"), cell([0, 0], recipe="a")], ignore_index=True)
    runs.loc[0, "state"] = "running"
    evidence = Evidence(runs=runs, roles={"deep": [DEEP, SHALLOW], "shallow": [CellKey("rte", "bert", "c")]})
    of_role = evidence.of("deep")
    assert of_role[["recipe", "cell"]].to_numpy().tolist() == [["a", 0], ["a", 0], ["b", 1]]
    with pytest.raises(Missing, match="'shallow' has no finished run of c on rte with bert"):
        evidence.of("shallow")
    with pytest.raises(Missing, match="no cells have the role 'grid'"):
        evidence.of("grid")
    with pytest.raises(Missing, match="'forgetting' was not measured"):
        evidence.table("forgetting")


def test_a_misspelt_role_is_named():
    """With the nearest one."""
    with pytest.raises(UserError, match=r"'shalow'.*did you mean 'shallow'"):
        Evidence(runs=cell([], recipe="a"), roles={"shalow": [SHALLOW]})


def test_cells_are_every_combination_in_order():
    """A name alone is a list of one."""
    assert cells(["rte", "cola"], "bert", "a") == (DEEP, CellKey("cola", "bert", "a"))
    assert len(cells(["rte", "cola"], ["bert", "roberta"], ["a", "b"])) == 8


def test_a_role_means_its_own_runs_whatever_else_is_there():
    """Runs of the same cell from another figure do not join it; a disagreement about them is a mistake."""
    own = cell([1, 0], recipe="a")
    one = Evidence(runs=own, roles={"grid": [DEEP]}, only={"grid": frozenset(own["run"])})
    more = Evidence(runs=cell([1, 0, 1, 1], recipe="a"), roles={"deep": [DEEP]})
    whole = merge(one, more)
    assert len(whole.of("grid")) == len(one.of("grid")) == 2
    assert len(whole.of("deep")) == 4
    with pytest.raises(UserError, match="only of 'grid' is"):
        merge(one, Evidence(runs=own, roles={"grid": [DEEP]}, only={"grid": frozenset(["x"])}))
    with pytest.raises(UserError, match="gird"):
        Evidence(runs=own, only={"gird": frozenset()})
