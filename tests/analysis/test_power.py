"""How many seeds would decide: closed forms by hand, and simulations of the tests that they plan for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm, ttest_1samp

from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.power import (
    runs_for_correlation,
    runs_for_fraction,
    runs_for_shift,
    scaled_by_root_n,
    seeds_for_difference,
    seeds_for_mean,
)
from seedproof.analysis.ranks import Shift, rank_correlation

Z = norm.isf(0.05) + norm.isf(0.2)


def rejections(draw, size, count=400):
    """Fraction of simulated studies of ``size`` that reject at 5 %."""
    generator = np.random.default_rng(9)
    return np.mean([draw(generator, size) < 0.05 for _ in range(count)])


def test_seeds_for_a_difference_by_hand_and_by_simulation():
    """40 seeds with 12 and 4 failures; the planned number has a power of about 80 % for the exact test."""
    first, second = (np.arange(40) < 12).astype(float), (np.arange(40) >= 36).astype(float)
    needed = seeds_for_difference(first, second, paired=False, bound=0.0, level=0.05)
    variance = sum(fraction * (1 - fraction) for fraction in (13 / 42, 5 / 42))
    assert needed == math.ceil(Z**2 * variance / 0.2**2)

    def study(generator, size):
        parts = [generator.binomial(1, rate, size) for rate in (0.3, 0.1)]
        return RateDifference(*parts, 1, paired=False).p_above_zero()

    assert 0.68 < rejections(study, needed) < 0.92


def test_seeds_for_pairs_use_the_variance_of_pairs():
    """Pairs that agree need fewer seeds than pairs that do not."""
    first = (np.arange(40) < 12).astype(float)
    agreeing, opposed = (np.arange(40) < 4).astype(float), (np.arange(40) >= 36).astype(float)
    options = {"paired": True, "bound": 0.0, "level": 0.05}
    assert seeds_for_difference(first, agreeing, **options) < seeds_for_difference(first, opposed, **options)
    assert seeds_for_difference(first, first, **options) is None
    # The two added differences are of one run: with more cells they weigh less.
    assert seeds_for_difference(first, agreeing, **options, cells=3) < seeds_for_difference(first, agreeing, **options)
    assert seeds_for_difference(first * 0, first * 0, paired=True, bound=0.15, level=0.05) is not None


@pytest.mark.parametrize("paired", [True, False])
def test_seeds_for_a_mean_by_simulation(paired):
    """Half an SD apart: Student's test at that number of seeds has a power of about 80 %."""
    generator = np.random.default_rng(1)
    shared = generator.normal(0, 1, 40)
    first, second = shared + generator.normal(0.5, 0.7, 40), shared + generator.normal(0, 0.7, 40)
    needed = seeds_for_mean(first, second, paired=paired, level=0.025)
    shift = first.mean() - second.mean()
    spread = (first - second).std(ddof=1) if paired else math.sqrt(first.var(ddof=1) + second.var(ddof=1))
    samples = generator.normal(shift, spread, (4000, needed))
    assert 0.77 < np.mean(ttest_1samp(samples, 0, axis=1).pvalue < 0.05) < 0.83
    assert seeds_for_mean(first, first, paired=paired, level=0.025) is None
    assert seeds_for_mean(first[:1], second[:1], paired=paired, level=0.025) is None


@pytest.mark.parametrize(("successes", "runs", "bound"), [(9, 10, 0.5), (2, 10, 0.5), (29, 30, 0.8)])
def test_runs_for_a_share_is_the_smallest_with_the_power(successes, runs, bound):
    """By adding up the binomial at that number and at every smaller one."""
    truth = (successes + 0.5) / (runs + 1)
    if truth < bound:
        truth, bound = 1 - truth, 1 - bound
        successes = runs - successes

    def power(size):
        return sum(binom.pmf(k, size, truth) for k in range(size + 1) if binom.sf(k - 1, size, bound) <= 0.05)

    needed = runs_for_fraction(successes, runs, bound=bound, level=0.05)
    assert power(needed) >= 0.8
    assert all(power(size) < 0.8 for size in range(1, needed))


def test_a_share_on_the_border_is_never_decided():
    """5 of 10 against a half."""
    assert runs_for_fraction(5, 10, bound=0.5, level=0.05) is None


def test_runs_for_a_shift_by_simulation():
    """Normal groups one SD apart: P = .76; and full separation needs the number of orders, nothing less."""
    needed = runs_for_shift(0.76, level=0.05)

    def study(generator, size):
        return Shift(generator.normal(1, 1, size), generator.normal(0, 1, size)).p_beyond(0, "above")

    assert 0.7 < rejections(study, needed) < 0.9
    assert runs_for_shift(1.0, level=0.05 / 15) == 6
    assert runs_for_shift(0.5, level=0.05) is None
    assert runs_for_shift(math.nan, level=0.05) is None


def test_runs_for_a_correlation_by_simulation():
    """No correlation, to be shown below .3."""
    needed = runs_for_correlation(0.0, bound=0.3, level=0.05)

    def study(generator, size):
        return rank_correlation(*generator.normal(size=(2, size))).p_beyond(0.3, "below")

    assert needed == math.ceil(3 + (Z / math.atanh(0.3)) ** 2)
    assert 0.72 < rejections(study, needed) < 0.88
    assert runs_for_correlation(0.3, bound=0.3, level=0.05) is None
    assert runs_for_correlation(math.nan, bound=0.3, level=0.05) is None


def test_scaling_by_root_n():
    """z of 1 at 20: (1.645 + .842)^2 times as many; a p-value on the wrong side is never mended by more."""
    assert scaled_by_root_n(20, float(norm.sf(1)), level=0.05) == math.ceil(20 * Z**2)
    assert scaled_by_root_n(20, 0.6, level=0.05) is None
    assert scaled_by_root_n(20, 0.4999999, level=0.05) is None
