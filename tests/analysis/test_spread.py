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
    """A diverged run, too few runs; none has a spread; deviations that are equal but for rounding have no measure."""
    assert all(map(math.isnan, levene([math.nan, *scores(1, 0.1)], scores(2, 0.1))))
    assert all(map(math.isnan, levene(scores(1, 0.1, 9), scores(2, 0.1))))
    assert levene([0.1] * 10, [0.7] * 12) == (0.0, 1.0)
    assert all(map(math.isnan, levene([0.5] * 10, [0.1, 0.7] * 5)))


@pytest.mark.parametrize("runs", [2, 4, 9])
def test_few_runs_have_no_test_and_no_star(make_runs, runs):
    """Two runs have one deviation each way, so their Levene was infinite, p = 0 and starred."""
    table = spread_tests(pd.concat([make_runs(scores(k, 10.0**-k, runs), recipe=str(k)) for k in (1, 3)]), "glue/rte")
    assert table[["levene", "levene_p", "brown_forsythe", "brown_forsythe_p"]].isna().all(axis=None)
    assert table[["sd_first", "sd_second"]].notna().all(axis=None)
    assert (table["star"].tolist(), table["missing"].tolist()) == ([False], ["fewer than 10 runs"])


@pytest.mark.parametrize("center", ["mean", "median"])
def test_from_ten_runs_on_a_star_is_as_rare_as_it_says(center):
    """Equal spreads, 2,000 pairs of 10: at .05 within four standard errors of at most .06, at .001 hardly ever."""
    generator = np.random.default_rng(3)
    p_values = np.array([levene(*generator.normal(size=(2, 10)), center)[1] for _ in range(2000)])
    assert np.mean(p_values < 0.05) < 0.06 + 4 * math.sqrt(0.06 * 0.94 / 2000)
    assert np.mean(p_values < 0.001) < 0.005


def test_pairs_and_the_star(make_runs):
    """Smallest first; the star is of the smallest against the second smallest SD, and only there."""
    runs = pd.concat(
        [
            make_runs(scores(1, 0.05), recipe="mixout"),
            make_runs([0.5] * 12 + scores(2, 0.02, 13), recipe="devlin"),
            make_runs(scores(3, 0.005), recipe="mosbach"),
            make_runs(scores(4, 0.5), recipe="other task", task="glue/cola"),
        ]
    )
    table = spread_tests(runs, "glue/rte")
    assert list(table) == list(COLUMNS)
    assert table[["first", "second"]].to_numpy().tolist() == [
        ["mosbach", "mixout"],
        ["mosbach", "devlin"],
        ["mixout", "devlin"],
    ]
    assert table["star"].tolist() == [True, False, False]
    assert table["reference"].tolist() == [True, False, True]
    assert table["failed_second"].tolist() == [0, 12, 12]
    expected = scipy.stats.levene(scores(3, 0.005), scores(1, 0.05), center="median")
    assert table["brown_forsythe_p"][0] == pytest.approx(expected.pvalue)
    assert (table["sd_first"] <= table["sd_second"]).all()


def test_a_recipe_with_a_diverged_run_comes_last_and_has_no_test(make_runs):
    """It has no spread; the other two are compared as if it were not there."""
    runs = pd.concat(
        [
            make_runs([0.6, math.nan, *scores(3, 0.1)], recipe="a"),
            make_runs(scores(1, 0.01), recipe="b"),
            make_runs(scores(2, 0.1), recipe="c"),
        ]
    )
    table = spread_tests(runs, "glue/rte")
    assert table[["first", "second"]].to_numpy().tolist() == [["b", "c"], ["b", "a"], ["c", "a"]]
    assert table["levene_p"].isna().tolist() == [False, True, True]
    assert table["star"].tolist() == [True, False, False]
    assert table["missing"].tolist() == ["", *["1 diverged run without a score"] * 2]


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
