"""Rank statistics against scipy and by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from seedproof.analysis.ranks import RankCorrelation, Shift, rank_correlation

VALUES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=7)


@given(VALUES, VALUES)
def test_rank_sum_with_ties_equals_brute_force(first, second):
    """The exact distribution: every choice of ranks for the first group."""
    ranks = scipy.stats.rankdata(first + second)
    sums = [sum(chosen) for chosen in itertools.combinations(ranks, len(first))]
    expected = np.mean([total >= ranks[: len(first)].sum() for total in sums])
    assert Shift(np.array(first), np.array(second)).p_beyond(0, "above") == pytest.approx(expected)


def test_rank_sum_without_ties_is_the_tabulated_one():
    """Mann and Whitney's exact test, both sides, at a margin too."""
    generator = np.random.default_rng(1)
    first, second = generator.normal(1, 1, 8), generator.normal(0, 1, 6)
    for side, alternative in (("above", "greater"), ("below", "less")):
        expected = scipy.stats.mannwhitneyu(first - 0.5, second, alternative=alternative, method="exact").pvalue
        assert Shift(first, second).p_beyond(0.5, side) == pytest.approx(expected)


def test_shift_interval_inverts_the_test():
    """Just inside the interval the shift is not rejected at 2.5 %, just outside it is."""
    generator = np.random.default_rng(2)
    shift = Shift(generator.normal(2, 1, 7), generator.normal(0, 1, 6))
    low, high = shift.interval(0.95)
    assert low < shift.effect < high
    assert shift.p_beyond(low - 1e-9, "above") <= 0.025 < shift.p_beyond(low + 1e-9, "above")
    assert shift.p_beyond(high + 1e-9, "below") <= 0.025 < shift.p_beyond(high - 1e-9, "below")


def test_shift_by_hand_and_where_groups_are_too_small():
    """Differences 2, 3, 3, 4, 4, 5, ...: the median; 3 and 3 have no 95 % interval, 1 of 20 orders is the smallest p."""
    shift = Shift(np.array([4.0, 5.0, 9.0]), np.array([1.0, 2.0, 0.0]))
    assert shift.effect == 4
    assert shift.superiority == 1
    assert all(map(math.isnan, shift.interval()))
    assert shift.p_beyond(0, "above") == pytest.approx(1 / 20)
    assert Shift(np.array([1.0, 2.0]), np.array([1.0])).superiority == 0.75


def test_infinity_has_a_rank_and_nan_has_none():
    """A failed run may have infinite perplexity; NaN must not pass for a small one."""
    low, failed = np.array([1.0, 2.0, 3.0]), np.array([math.inf, 8.0, 9.0])
    assert Shift(failed, low).p_beyond(1, "above") == pytest.approx(1 / 20)
    lost = Shift(np.array([math.nan, 8.0, 9.0]), low)
    assert math.isnan(lost.p_beyond(0, "above"))
    assert math.isnan(lost.effect)
    assert all(map(math.isnan, lost.interval()))
    empty = Shift(np.array([]), low)
    assert math.isnan(empty.effect)
    assert empty.p_beyond(0, "above") == 1.0


def test_correlation_equals_scipy_and_its_interval_the_formula():
    """Spearman's rho; Bonett and Wright's standard error; the p-value is where the interval ends."""
    x, y = np.random.default_rng(3).normal(size=(2, 40))
    y = y + x
    found = rank_correlation(x, y)
    assert found.effect == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    error = math.sqrt((1 + found.effect**2 / 2) / 37)
    low, high = found.interval(0.9)
    assert low == pytest.approx(math.tanh(math.atanh(found.effect) - 1.6448536 * error))
    assert found.p_beyond(low, "above") == pytest.approx(0.05)
    assert found.p_beyond(high, "below") == pytest.approx(0.05)


def test_correlation_where_it_is_not_defined():
    """Fewer than four runs have no interval, equal values no correlation, NaN neither."""
    assert math.isnan(rank_correlation([1, 2, 3, 4], [5, 5, 5, 5]).effect)
    assert math.isnan(rank_correlation([1, 2, math.nan, 4], [5, 6, 7, 8]).effect)
    assert math.isnan(rank_correlation([], []).effect)
    assert all(map(math.isnan, rank_correlation([1, 2, 3], [1, 3, 2]).interval()))
    assert math.isnan(RankCorrelation(math.nan, 30).p_beyond(0.3, "below"))


def test_a_perfect_correlation_is_shown_not_an_error():
    """The inverse of tanh is infinite at 1, and few runs are in perfect order by chance: nothing is certain."""
    found = rank_correlation(range(10), range(10))
    assert found.p_beyond(0.3, "above") < 1e-6
    assert 0.95 < found.interval()[0] < found.interval()[1] < 1
    of_six = rank_correlation(range(6), range(6))
    assert of_six.p_beyond(0, "above") == pytest.approx(1 / math.factorial(6), rel=0.5)
