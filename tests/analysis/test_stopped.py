"""Runs that a rule has stopped: counted, in no statistic, and what is selected is not compared."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from seedproof.analysis import answers, difference_table, spread_tests, summarize
from seedproof.analysis.claims.evidence import CellKey, Evidence, Missing
from seedproof.analysis.generalization import generalization_table
from seedproof.errors import UserError
from seedproof.report import wording
from seedproof.report.latex import to_latex
from seedproof.report.tables import to_csv, to_json, to_markdown


@pytest.fixture
def raced(make_runs):
    """Ten runs of which the last five were stopped, two recipes."""

    def cell(recipe):
        runs = make_runs([0.5, 0.6, 0.7, 0.8, 0.9, *[0.6] * 5], recipe=recipe)
        is_stopped = runs.index >= 5
        runs.loc[is_stopped, ["outcome", "reason", "score"]] = ["stopped", "race", math.nan]
        return runs.assign(training_loss=0.1)

    return pd.concat([cell("devlin"), cell("mosbach")], ignore_index=True)


def test_they_are_counted_and_in_no_statistic(raced):
    row = summarize(raced, resamples=50).iloc[0]
    assert (row["runs"], row["finished"], row["stopped"], row["failed"], row["succeeded"]) == (10, 5, 5, 1, 4)
    assert (row["mean"], row["maximum"], row["seeds"]) == (pytest.approx(0.7), 0.9, ("0", "1", "2", "3", "4"))
    ends = [f"{name}_{end}" for name in ("failure", "mean", "succeeded_sd") for end in ("low", "high")]
    assert row[["failure_rate", *ends]].isna().all()


def test_recipes_are_not_compared_and_that_is_said(raced):
    [found] = answers(summarize(raced, resamples=50))
    assert found.sentence == (
        "devlin: 5 of 10 runs stopped early, 5 finished, 1 of these failed, the best scores 0.900; mosbach: 5 of 10 runs "
        "stopped early, 5 finished, 1 of these failed, the best scores 0.900. Those that finished were selected: their failures "
        "and mean are not the recipe's, and recipes are not compared."
    )
    row = difference_table([found]).iloc[0]
    assert row[["failure_rate_difference", "mean_difference", "sd_difference", "mean_p"]].isna().all()
    assert "were selected" in row["missing"]


def test_every_format_says_how_many_were_stopped(raced):
    summary = summarize(raced, resamples=50)
    said = "5 of 10 runs were stopped before their end, in no statistic"
    assert f"devlin: {said}" in to_markdown(summary)
    assert "1 of 5 (5 stopped)" in to_markdown(summary)
    assert said in to_latex(summary)
    cell = json.loads(to_json(summary))["cells"][0]
    assert cell["stopped"] == 5
    assert cell["undefined"]["failure_rate"] == "5 runs were stopped before their end, and the others were selected"
    assert to_csv(summary).splitlines()[0].split(",").count("stopped") == 1
    assert not [note for note in wording.notes(summary) if "not finished" in note or "too few" in note]


def test_analyses_of_samples_refuse_them_or_leave_them_out(raced):
    with pytest.raises(
        UserError, match="10 runs of task 'glue/rte' were stopped early, and those that finished were selected"
    ):
        spread_tests(raced, "glue/rte")
    evidence = Evidence(runs=raced, roles={"devlin": (CellKey("glue/rte", "bert", "devlin"),)})
    with pytest.raises(Missing, match="5 runs of devlin on glue/rte with bert were stopped early"):
        evidence.of("devlin")
    assert len(generalization_table(raced)) == 10
