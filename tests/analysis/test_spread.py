"""Tests of spread against scipy, and the star of the paper's table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from seedproof.analysis.spread import COLUMNS, levene, spread_tests
from seedproof.errors import UserError


def scores(seed, sd, count=25):
    return (0.7 + sd * np.random.default_rng(seed).normal(size=count)).tolist()


@pytest.mark.parametrize("center", ["mean", "median"])
def test_levene_equals_scipy(center):
    """Unequal sizes, skewed scores."""
    first, second = scores(1, 0.02, 25), [0.5] * 7 + scores(2, 0.03, 13)
    expected = scipy.stats.levene(first, second, center=center)
    assert levene(first, second, center) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def test_levene_where_it_is_not_defined():
    """A diverged run, too few runs; all equal is no difference, and equal against two poles a certain one."""
    assert all(map(math.isnan, levene([0.5, math.nan], [0.5, 0.6])))
    assert all(map(math.isnan, levene([0.5], [0.5, 0.6])))
    assert levene([0.1, 0.1, 0.1], [0.7, 0.7]) == (0.0, 1.0)
    assert levene([0.25, 0.25], [0.5, 1.0]) == (math.inf, 0.0)


def test_pairs_and_the_star(make_runs):
    """Smallest first; the star is of the smallest against the second smallest SD, and only there."""
    runs = pd.concat([
        make_runs(scores(1, 0.05), recipe="mixout"),
        make_runs([0.5] * 12 + scores(2, 0.02, 13), recipe="devlin"),
        make_runs(scores(3, 0.005), recipe="mosbach"),
        make_runs(scores(4, 0.5), recipe="other task", task="glue/cola"),
    ])  # fmt: skip
    table = spread_tests(runs, "glue/rte")
    assert list(table) == list(COLUMNS)
    assert table[["first", "second"]].to_numpy().tolist() == [
        ["mosbach", "mixout"], ["mosbach", "devlin"], ["mixout", "devlin"],
    ]  # fmt: skip
    assert table["star"].tolist() == [True, False, False]
    assert table["reference"].tolist() == [True, False, True]
    assert table["failed_second"].tolist() == [0, 12, 12]
    expected = scipy.stats.levene(scores(3, 0.005), scores(1, 0.05), center="median")
    assert table["brown_forsythe_p"][0] == pytest.approx(expected.pvalue)
    assert (table["sd_first"] <= table["sd_second"]).all()


def test_a_recipe_with_a_diverged_run_comes_last_and_has_no_test(make_runs):
    """It has no spread; the other two are compared as if it were not there."""
    runs = pd.concat([make_runs([0.6, math.nan, 0.8], recipe="a"), make_runs(scores(1, 0.01), recipe="b"), make_runs(scores(2, 0.1), recipe="c")])  # fmt: skip  # noqa: E501
    table = spread_tests(runs, "glue/rte")
    assert table[["first", "second"]].to_numpy().tolist() == [["b", "c"], ["b", "a"], ["c", "a"]]
    assert table["levene_p"].isna().tolist() == [False, True, True]
    assert table["star"].tolist() == [True, False, False]


def test_what_cannot_be_compared(make_runs):
    """One recipe; two models and none named; an unknown task."""
    one = make_runs([0.6, 0.7])
    with pytest.raises(UserError, match="finished runs of 1 recipes"):
        spread_tests(one, "glue/rte")
    two = pd.concat([one, make_runs([0.6, 0.8], recipe="mosbach", model="roberta")])
    with pytest.raises(UserError, match="was run with bert, roberta"):
        spread_tests(two, "glue/rte")
    with pytest.raises(UserError, match="finished runs of 0 recipes"):
        spread_tests(two, "glue/wnli")
    both = pd.concat([two, make_runs([0.6, 0.9], recipe="mosbach")])
    assert len(spread_tests(both, "glue/rte", "bert")) == 1
