"""Evidence that is written and read decides every claim as it did, which is what makes verdicts checkable."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from seedproof.analysis.claims import Evidence, ledger, read_evidence, write_evidence
from seedproof.analysis.claims.superseded import SUPERSEDED, superseded_table
from seedproof.errors import UserError

from .conftest import cell


def made() -> Evidence:
    """Two roles, a table with a missing step, a run that diverged, and a recipe that no role names."""
    runs = pd.concat([cell([0, 1, 0, 1], recipe="devlin"), cell([1, 1, 1, 1], recipe="mosbach"), cell([0], recipe="x")])
    steps = pd.DataFrame({"run": ["a", "b"], "family": "bert", "outcome": ["failed", "succeeded"]})
    return Evidence(
        runs=runs.reset_index(drop=True),
        roles={
            "devlin": cells_of(runs, "devlin"),
            "deep": cells_of(runs, "devlin"),
            "shallow": cells_of(runs, "mosbach"),
        },
        vanishing=steps.assign(fraction_of_training=[0.25, math.nan]),
        label_entropy={"glue/rte": math.log(2)},
        strata={"devlin": "uncorrected"},
    )


def cells_of(runs: pd.DataFrame, recipe: str):
    named = runs[runs["recipe"] == recipe].drop_duplicates(["task", "model", "recipe"])
    return [tuple(row) for row in named[["task", "model", "recipe"]].to_numpy()]


def test_what_is_read_decides_as_what_was_written(tmp_path):
    evidence = made()
    write_evidence(evidence, tmp_path / "evidence")
    read = read_evidence(tmp_path / "evidence")
    pd.testing.assert_frame_equal(ledger(read), ledger(evidence), check_exact=True)
    assert set(read.runs["recipe"]) == {"devlin", "mosbach"}  # no claim asks for others


@pytest.mark.parametrize("name", ["NA", "null", "1", "1e3"])
def test_a_recipe_of_any_name_plays_its_role_after_reading(tmp_path, name):
    """Read as missing or as a number it would play none, and the claim be not decided."""
    evidence = made()
    runs = evidence.runs.assign(recipe=evidence.runs["recipe"].replace("devlin", name))
    roles = {**evidence.roles, "devlin": cells_of(runs, name), "deep": cells_of(runs, name)}
    write_evidence(Evidence(runs=runs, roles=roles), tmp_path / "evidence")
    read = read_evidence(tmp_path / "evidence")
    assert set(read.runs["recipe"]) == {name, "mosbach"}
    pd.testing.assert_frame_equal(ledger(read), ledger(Evidence(runs=runs, roles=roles)), check_exact=True)


def test_a_folder_without_evidence_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no evidence of claims"):
        read_evidence(tmp_path)


def test_a_changed_table_is_noticed(tmp_path):
    write_evidence(made(), tmp_path)
    text = (tmp_path / "runs.csv").read_text()
    (tmp_path / "runs.csv").write_text(text.replace("failed", "succeeded", 1))
    with pytest.raises(UserError, match=r"runs\.csv"):
        read_evidence(tmp_path)


def test_every_superseded_claim_says_what_came_in_its_place():
    from seedproof.analysis.claims import CLAIMS

    decided = {claim.id for claim in CLAIMS}
    for old in SUPERSEDED:
        assert set(old.by) <= decided
        assert old.id not in decided
    assert superseded_table()["claim"].tolist() == [old.id for old in SUPERSEDED]
