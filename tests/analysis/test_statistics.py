"""Each statistic against its closed form, an independent implementation, or a property that it must have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from seedproof.analysis.statistics import chi_square_interval, standard_deviation, t_interval, wilson_interval
from seedproof.errors import UserError

FINITE = st.floats(-1, 1, allow_nan=False)


@pytest.mark.parametrize(("runs", "upper"), [(25, 0.133), (10, 0.278), (5, 0.434)])
def test_no_failure_still_allows_a_rate(runs, upper):
    """Published closed forms: 13.3, 27.8 and 43.4 %; with no failure the upper end is z^2 / (n + z^2)."""
    low, high = wilson_interval(0, runs)
    z = 1.959963984540054
    assert low == 0.0
    assert high == pytest.approx(z**2 / (runs + z**2), rel=1e-12)
    assert round(high, 3) == upper


@given(st.integers(1, 200).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))), st.floats(0.5, 0.999))
def test_wilson_equals_scipy(counts, confidence):
    """An independent implementation agrees for every count."""
    expected = scipy.stats.binomtest(*counts).proportion_ci(confidence, "wilson")
    assert wilson_interval(*counts, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_mirrors_and_says_nothing_without_runs():
    """Failures and successes swap to the mirrored interval; no run excludes no rate."""
    low, high = wilson_interval(3, 11)
    assert wilson_interval(8, 11) == pytest.approx((1 - high, 1 - low))
    assert wilson_interval(7, 7)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("failures", "runs"), [(-1, 5), (6, 5)])
def test_wilson_rejects_impossible_counts(failures, runs):
    """A count of failures that cannot be is a mistake, not an interval."""
    with pytest.raises(UserError, match=f"number of runs, 5, but is {failures}"):
        wilson_interval(failures, runs)


def test_divisors_by_hand():
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, squared deviations 32; 32 / 8 = 4 and 32 / 7."""
    values = [2, 4, 4, 4, 5, 5, 7, 9]
    assert standard_deviation(values, "n") == pytest.approx(2.0, rel=1e-15)
    assert standard_deviation(values, "n-1") == pytest.approx(math.sqrt(32 / 7), rel=1e-15)
    assert standard_deviation(values) == standard_deviation(values, "n-1")


def test_deviation_where_it_is_not_defined():
    """One run has no SD with n-1, none has none at all, and a score that is not finite is never dropped."""
    assert math.isnan(standard_deviation([0.5], "n-1"))
    assert standard_deviation([0.5], "n") == 0.0
    assert math.isnan(standard_deviation([], "n"))
    assert math.isnan(standard_deviation([0.5, math.nan, 0.6]))
    assert math.isnan(standard_deviation([0.5, math.inf, 0.6]))


def test_deviation_of_equal_values_is_exactly_zero():
    """Three times 0.1 has a rounded mean; the SD must not show that."""
    assert standard_deviation([0.1, 0.1, 0.1]) == 0.0


def test_deviation_along_an_axis():
    """The bootstrap needs one SD per row."""
    values = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 4.0]])
    np.testing.assert_allclose(standard_deviation(values), [1.0, math.sqrt(3)])
    np.testing.assert_allclose(standard_deviation(values, "n", axis=0), [0.0, 0.5, 0.5])


def test_unknown_divisor():
    """A wrong divisor is named with the allowed ones."""
    with pytest.raises(UserError, match=r"'n-2'.*one of: n-1, n"):
        standard_deviation([1.0, 2.0], "n-2")  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_confidence_is_a_share(confidence):
    """95 instead of .95 is the likely slip; NaN is none either."""
    with pytest.raises(UserError, match="between 0 and 1"):
        wilson_interval(1, 2, confidence)
    with pytest.raises(UserError, match="between 0 and 1"):
        t_interval([1.0, 2.0], confidence)
    with pytest.raises(UserError, match="between 0 and 1"):
        chi_square_interval([1.0, 2.0], confidence)


@given(st.lists(FINITE, min_size=2, max_size=30))
def test_student_and_chi_square_equal_scipy(values):
    """scipy's distributions, or no interval where all values are equal."""
    n, deviation = len(values), standard_deviation(values)
    if deviation == 0:
        assert all(map(math.isnan, [*t_interval(values), *chi_square_interval(values)]))
        return
    error = deviation / math.sqrt(n)
    expected = scipy.stats.t.interval(0.95, n - 1, np.mean(values), error)
    assert t_interval(values) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    ends = deviation * np.sqrt((n - 1) / scipy.stats.chi2.ppf([0.975, 0.025], n - 1))
    assert chi_square_interval(values) == pytest.approx(ends, rel=1e-9)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [0.5, math.nan, 0.6], [0.5, math.inf, 0.6]])
def test_no_interval_from_what_has_no_spread(values):
    assert all(map(math.isnan, [*t_interval(values), *chi_square_interval(values)]))


@pytest.mark.parametrize("runs", [2, 3, 10])
def test_given_success_intervals_cover_what_they_say_at_every_n(runs):
    """Normal scores: 95 % of 4,000 intervals, within four standard errors (benchmarks/coverage.py has more)."""
    samples = np.random.default_rng(runs).normal(0.7, 0.02, (4000, runs))
    for interval, truth in ((t_interval, 0.7), (chi_square_interval, 0.02)):
        covered = np.mean([low <= truth <= high for low, high in map(interval, samples)])
        assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)
