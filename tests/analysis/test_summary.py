"""Summaries of cells small enough to do by hand, and what failed, diverged and unfinished runs do to them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.bootstrap import bca_interval
from seedproof.analysis.statistics import chi_square_interval, standard_deviation, t_interval, wilson_interval
from seedproof.analysis.summary import COLUMNS, summarize
from seedproof.errors import UserError

OVER_ALL = ["mean", "mean_low", "mean_high", "sd", "sd_low", "sd_high", "median", "maximum", "minimum"]


def one(runs, **options):
    """The summary's only row."""
    summary = summarize(runs, resamples=200, **options)
    assert len(summary) == 1
    return summary.iloc[0]


def test_four_runs_by_hand(make_runs):
    """.5 fails (not better than .5), then .6, .7, .8: every number below was done on paper."""
    row = one(make_runs([0.5, 0.8, 0.6, 0.7]))
    assert list(row.index) == list(COLUMNS)
    assert (row["runs"], row["finished"], row["failed"], row["diverged"], row["succeeded"]) == (4, 4, 1, 0, 3)
    assert row["failure_rate"] == 0.25
    assert row["mean"] == pytest.approx(0.65)
    assert row["median"] == pytest.approx(0.65)
    assert (row["maximum"], row["minimum"]) == (0.8, 0.5)
    assert row["sd"] == pytest.approx(math.sqrt(0.05 / 3))
    assert row["succeeded_mean"] == pytest.approx(0.7)
    assert row["succeeded_median"] == 0.7
    assert row["succeeded_sd"] == pytest.approx(0.1)
    assert (row["succeeded_minimum"], row["succeeded_maximum"]) == (0.6, 0.8)
    assert row["values"] == (0.5, 0.8, 0.6, 0.7)
    assert row["seeds"] == ("0", "1", "2", "3")
    assert row["outcomes"] == ("majority", "succeeded", "succeeded", "succeeded")
    assert (row["metric"], row["majority"], row["sd_divisor"], row["confidence"]) == ("accuracy", 0.5, "n-1", 0.95)


def test_the_paper_s_divisor(make_runs):
    """With n instead of n-1: .05 / 4 and .02 / 3, over all and given success."""
    row = one(make_runs([0.5, 0.8, 0.6, 0.7]), divisor="n")
    assert row["sd"] == pytest.approx(math.sqrt(0.05 / 4))
    assert row["succeeded_sd"] == pytest.approx(math.sqrt(0.02 / 3))
    assert row["sd_divisor"] == "n"


def test_intervals_are_those_of_the_statistics(make_runs):
    """The right values, options and seed reach each interval: ten runs, seven of them successful."""
    good = [0.8, 0.6, 0.7, 0.71, 0.72, 0.73, 0.74]
    scores = [0.5, 0.5, 0.5, *good]
    row = one(make_runs(scores), confidence=0.8, seed=3)
    assert (row["failure_low"], row["failure_high"]) == wilson_interval(3, 10, 0.8)
    for name, statistic in (("mean", np.mean), ("sd", standard_deviation)):
        expected = bca_interval(scores, statistic, confidence=0.8, resamples=200, seed=3)
        assert (row[f"{name}_low"], row[f"{name}_high"]) == expected
    assert (row["succeeded_mean_low"], row["succeeded_mean_high"]) == t_interval(good, 0.8)
    assert (row["succeeded_sd_low"], row["succeeded_sd_high"]) == chi_square_interval(good, 0.8)


@pytest.mark.parametrize("failed", [0, 3])
def test_below_ten_runs_nothing_over_all_runs_has_an_interval(make_runs, failed):
    """Nine runs: mean and SD without an interval, whether or not a failure was seen; given success they have one."""
    row = one(make_runs([0.5] * failed + [0.6 + 0.01 * k for k in range(9 - failed)]))
    assert row[["mean_low", "mean_high", "sd_low", "sd_high"]].isna().all()
    assert row[["mean", "sd", "succeeded_mean_low", "succeeded_sd_high"]].notna().all()


def test_where_no_run_failed_both_rows_are_the_same(make_runs):
    """From ten runs on: one set of numbers, one interval."""
    row = one(make_runs([0.6 + 0.01 * k for k in range(10)]))
    assert (row["mean_low"], row["mean_high"]) == t_interval(row["values"])
    assert all(row[name] == row[f"succeeded_{name}"] for name in OVER_ALL)


@pytest.mark.parametrize("divisor", ["n-1", "n"])
def test_one_run_has_no_spread(make_runs, divisor):
    row = one(make_runs([0.7]), divisor=divisor)
    assert row["mean"] == 0.7
    assert row[["sd", "succeeded_sd", "mean_low", "succeeded_mean_low"]].isna().all()


def test_a_diverged_run_is_never_averaged_away(make_runs):
    """It fails, stays in the denominator, and leaves no mean, SD, median or extreme over all runs."""
    row = one(make_runs([0.6, math.nan, 0.8, 0.5]))
    assert (row["finished"], row["failed"], row["diverged"], row["failure_rate"]) == (4, 2, 1, 0.5)
    assert (row["failure_low"], row["failure_high"]) == wilson_interval(2, 4)
    assert row[OVER_ALL].isna().all()
    assert row["succeeded_mean"] == pytest.approx(0.7)
    assert row["outcomes"] == ("succeeded", "diverged", "succeeded", "majority")
    assert math.isnan(row["values"][1])


def test_a_nan_score_counts_as_diverged_whatever_the_reason(make_runs):
    """NaN <= majority is False: a comparison alone would have lost this run."""
    runs = make_runs([0.6, math.nan])
    runs.loc[1, "reason"] = "majority"
    assert one(runs)["diverged"] == 1


def test_unfinished_runs_are_counted_and_nothing_else(make_runs):
    """The same cell with two unfinished runs more: only the number of planned runs changes."""
    with_them, without = one(make_runs([0.5, None, 0.8, None])), one(make_runs([0.5, 0.8]))
    assert (with_them["runs"], with_them["finished"]) == (4, 2)
    changed = [name for name in COLUMNS if name not in ("runs", "seeds")]
    pd.testing.assert_series_equal(with_them[changed], without[changed])
    assert with_them["seeds"] == ("0", "2")


def test_a_cell_without_a_finished_run(make_runs):
    """It has a row, no statistic, and an interval that excludes no failure rate."""
    row = one(make_runs([None, None]))
    assert (row["runs"], row["finished"], row["failed"], row["values"]) == (2, 0, 0, ())
    assert (row["failure_low"], row["failure_high"]) == (0.0, 1.0)
    assert row[["failure_rate", "majority", *OVER_ALL]].isna().all()
    assert row["metric"] is None


def test_all_runs_failed(make_runs):
    """The paper's tiny variance of a recipe that always fails: SD 0, and no interval that would look certain."""
    row = one(make_runs([0.5, 0.5, 0.5]))
    assert (row["failure_rate"], row["sd"], row["succeeded"]) == (1.0, 0.0, 0)
    assert row[["sd_low", "sd_high", "succeeded_mean", "succeeded_sd"]].isna().all()


def test_cells_keep_their_order_and_their_numbers(make_runs):
    """A cell's row does not depend on what else is in the study; rows come in the study's order."""
    first, second = make_runs([0.5, 0.7, 0.8], recipe="mosbach"), make_runs([0.6, 0.7, 0.9], recipe="devlin")
    both = summarize(pd.concat([first, second]), resamples=200)
    assert list(both["recipe"]) == ["mosbach", "devlin"]
    pd.testing.assert_series_equal(both.iloc[1], one(second), check_names=False)


def test_values_are_in_the_order_of_the_seeds(make_runs):
    """10 comes after 9 even when the rows come otherwise."""
    runs = make_runs([0.6, 0.7, 0.8]).assign(seed=["10", "9", "1/2/3"])
    assert one(runs)["seeds"] == ("1/2/3", "9", "10")
    assert one(runs)["values"] == (0.8, 0.7, 0.6)


def test_two_measures_in_one_cell(make_runs):
    """Two data sets under one name must not be mixed silently."""
    runs = make_runs([0.6, 0.7])
    runs.loc[1, "majority"] = 0.4
    with pytest.raises(UserError, match=r"glue/rte.*majority 0.5.*majority 0.4.*different names"):
        summarize(runs)


def test_a_contradiction_is_not_summarised(make_runs):
    """A successful run without a score, or a finished one without an outcome, is a bug to be seen."""
    runs = make_runs([0.6, 0.7])
    with pytest.raises(ValueError, match="devlin-1 has outcome 'succeeded'"):
        summarize(runs.assign(score=[0.6, math.nan]))
    with pytest.raises(ValueError, match=r"devlin-0 has outcome (None|nan)"):
        summarize(runs.assign(outcome=[None, "succeeded"]))


def test_missing_columns_are_named(make_runs):
    """A table of another origin gets a message, not a KeyError."""
    with pytest.raises(UserError, match="no column score, majority"):
        summarize(make_runs([0.6]).drop(columns=["score", "majority"]))
