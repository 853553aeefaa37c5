"""The bootstrap against scipy's, exact arithmetic and its own coverage."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.analysis.bootstrap import bca_interval
from seedproof.analysis.statistics import standard_deviation
from seedproof.errors import UserError

FINITE = st.floats(-1, 1, allow_nan=False)


@pytest.mark.parametrize("statistic", [np.mean, functools.partial(standard_deviation, divisor="n")])
def test_bca_equals_scipy(statistic):
    """scipy's BCa with the same generator; 25 skewed scores such as a study has."""
    scores = np.r_[np.full(8, 0.527), np.random.default_rng(3).normal(0.65, 0.03, 17)]
    ours = bca_interval(scores, statistic, resamples=2000, seed=7, confidence=0.9)
    theirs = scipy.stats.bootstrap(
        (np.sort(scores),),
        statistic,
        n_resamples=2000,
        confidence_level=0.9,
        method="BCa",
        rng=np.random.default_rng(7),
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 277), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_bca_does_not_depend_on_the_order_of_the_runs(correct, random):
    """Scores of a development set of 277, shuffled: the interval of mean and SD is the same to the bit."""
    values = [count / 277 for count in correct]
    shuffled = random.sample(values, len(values))
    for statistic in (np.mean, standard_deviation):
        expected = bca_interval(values, statistic, resamples=200)
        assert bca_interval(shuffled, statistic, resamples=200) == pytest.approx(expected, abs=0, nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 277), min_size=2, max_size=8))
def test_bca_sees_ties_through_rounding(correct):
    """Whole numbers add up without rounding, so their ties are exact; as fractions they must give the same interval."""
    for statistic in (np.mean, standard_deviation):
        whole = bca_interval(correct, statistic, resamples=200)
        fractions = bca_interval([count / 277 for count in correct], statistic, resamples=200)
        assert fractions == pytest.approx([end / 277 for end in whole], rel=1e-6, abs=1e-9, nan_ok=True)


def test_bca_of_three_real_runs():
    """An end of this interval moved from .531 to .538 with the order: resamples in other orders are ties."""
    assert bca_interval([0.552, 0.578, 0.531], np.mean) == pytest.approx((0.531, 0.578))


def test_bca_depends_on_its_seed_alone():
    """The same seed gives the same interval whatever the global generators do; another seed gives another one."""
    scores = [0.527, 0.6, 0.61, 0.661, 0.7043, 0.71, 0.7237]
    np.random.seed(1)  # noqa: NPY002 - a user's program that seeds the global generator
    first, state = bca_interval(scores, np.mean, seed=5), np.random.get_state()[1].copy()  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert bca_interval(scores, np.mean, seed=5) == first
    assert bca_interval(scores, np.mean, seed=6) != first
    np.random.seed(1)  # noqa: NPY002
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_bca_in_batches_is_the_same(monkeypatch):
    """Many runs are resampled in batches, which must not change a digit."""
    scores = np.random.default_rng(0).normal(size=9)
    whole = bca_interval(scores, np.mean, resamples=500)
    monkeypatch.setattr("seedproof.analysis.bootstrap._BATCH_NUMBERS", 9 * 64)
    assert bca_interval(scores, np.mean, resamples=500) == whole


@settings(deadline=None, max_examples=50)
@given(st.lists(FINITE, min_size=2, max_size=30))
def test_bca_lies_inside_the_values(values):
    """An interval of a mean lies between the extremes, its ends in order; degenerate data give none, never half."""
    low, high = bca_interval(values, np.mean, resamples=200)
    assert math.isnan(low) == math.isnan(high)
    assert math.isnan(low) or min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5, 0.5], [0.5, math.nan, 0.6], [0.5, math.inf, 0.6]])
def test_bca_where_it_is_not_defined(values):
    """Too few, equal or not finite values: no interval, no warning, no invented certainty."""
    assert all(map(math.isnan, bca_interval(values, np.mean, resamples=50)))


def test_bca_of_a_deviation_of_two_runs():
    """With one of two runs left out, the SD with n-1 does not exist, nor then the interval."""
    assert all(map(math.isnan, bca_interval([0.5, 0.6], standard_deviation, resamples=50)))


def test_bca_covers_the_mean_about_as_often_as_it_says():
    """300 samples of 25 normal scores: coverage of the 90 % interval within 5 standard errors of .88."""
    generator = np.random.default_rng(11)
    samples = generator.normal(size=(300, 25))
    bounds = [
        bca_interval(sample, np.mean, confidence=0.9, resamples=400, seed=index) for index, sample in enumerate(samples)
    ]
    covered = np.mean([low <= 0 <= high for low, high in bounds])
    assert abs(covered - 0.88) < 5 * math.sqrt(0.88 * 0.12 / 300)


def test_resamples_are_positive():
    """No resample is no bootstrap."""
    with pytest.raises(UserError, match="at least 1 but is 0"):
        bca_interval([1.0, 2.0], np.mean, resamples=0)


def test_of_very_many_runs_groups_left_out_give_the_interval_of_single_ones():
    """The jackknife of 2,000 skewed scores by groups; one at a time is the oracle."""
    scores = np.random.default_rng(5).gamma(0.5, size=2000)
    found = bca_interval(scores, standard_deviation, resamples=999)
    generator = np.random.default_rng(0)
    expected = scipy.stats.bootstrap(
        (np.sort(scores),), standard_deviation, method="BCa", n_resamples=999, rng=generator
    )
    np.testing.assert_allclose(found, expected.confidence_interval, rtol=3e-3)


def test_bca_of_a_mixture_needs_ten_runs():
    """A fifth of the runs fails. Of 10 runs that show a failure the mean's 95 % interval covers, of 3 runs it does not."""
    generator = np.random.default_rng(0)
    covered = {}
    for runs in (3, 10):
        failed = generator.random((300, runs)) < 0.2
        scores = np.where(failed, 0.5, generator.normal(0.7, 0.02, (300, runs)))
        ends = [bca_interval(sample, np.mean, resamples=400) for sample in scores]
        covered[runs] = np.mean(
            [low <= 0.66 <= high for (low, high), any_ in zip(ends, failed.any(1), strict=True) if any_ or runs == 3]
        )
    assert covered[10] > 0.9
    assert covered[3] < 0.7


@pytest.mark.parametrize("values", [[0.5, 0.5, 0.8, 0.8], [0.1, 0.1, 0.1, 0.7, 0.7, 0.7]])
def test_bca_where_leaving_out_any_run_leaves_the_same(values):
    """Half at one score and half at another: the SD without one run is the same whichever it is, but for rounding."""
    assert all(map(math.isnan, bca_interval(values, standard_deviation, resamples=200)))
