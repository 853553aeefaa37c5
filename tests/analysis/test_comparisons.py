"""Exact tests and intervals of failure rates against published numbers, scipy, and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from seedproof.analysis.comparisons import RateDifference, holm, permutation_p, sign_flip_p
from seedproof.analysis.statistics import wilson_interval
from seedproof.errors import UserError

BITS = st.lists(st.integers(0, 1), min_size=1, max_size=12)


def unpaired(failures, runs, others, other_runs):
    """Counts of two independent groups as one cell per seed."""
    first, second = (np.arange(size) < count for count, size in ((failures, runs), (others, other_runs)))
    return RateDifference(first.astype(int), second.astype(int), 1, paired=False)


@given(st.lists(st.integers(-4, 4), max_size=10))
def test_sign_flips_equal_brute_force(differences):
    """Every one of the 2^n ways to give signs, counted."""
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((-1, 1), repeat=len(differences))
    ]
    assert sign_flip_p(differences) == pytest.approx(np.mean([total >= sum(differences) for total in sums]))


@given(st.integers(0, 12), st.integers(0, 12))
def test_sign_flips_in_one_cell_are_mcnemar(more, less):
    """McNemar's exact test: a binomial of the discordant pairs."""
    p = sign_flip_p([1] * more + [-1] * less + [0] * 5)
    expected = scipy.stats.binomtest(more, more + less, 0.5, "greater").pvalue if more + less else 1.0
    assert p == pytest.approx(expected)


@given(BITS, BITS)
def test_shuffling_in_one_cell_is_fisher(first, second):
    """Fisher's exact test of the two-by-two table."""
    table = [[sum(first), len(first) - sum(first)], [sum(second), len(second) - sum(second)]]
    assert permutation_p(first, second) == pytest.approx(scipy.stats.fisher_exact(table, "greater").pvalue)


@given(st.lists(st.integers(-3, 5), min_size=1, max_size=6), st.lists(st.integers(-3, 5), min_size=1, max_size=6))
def test_shuffling_counts_equals_brute_force(first, second):
    """Every choice of seeds for the first group, counted."""
    values = first + second
    sums = [sum(chosen) for chosen in itertools.combinations(values, len(first))]
    assert permutation_p(first, second) == pytest.approx(np.mean([total >= sum(first) for total in sums]))


def test_shuffling_many_seeds_stays_exact():
    """A thousand seeds: chances, not counts that overflow; half of them by symmetry, and half of the tie."""
    p = permutation_p([0, 1] * 250, [1, 0] * 250)
    tie = scipy.stats.hypergeom.pmf(250, 1000, 500, 500)
    assert p == pytest.approx(0.5 + tie / 2, rel=1e-9)


def test_exact_tests_refuse_shares():
    """A fraction instead of a count would be cut to a whole number silently."""
    with pytest.raises(UserError, match=r"whole numbers, found \[0.5\]"):
        sign_flip_p([0.5])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((56, 70, 48, 80), (0.0524, 0.3339)), ((9, 10, 3, 10), (0.1705, 0.8090)), ((5, 56, 0, 29), (-0.0381, 0.1926))],
)
def test_newcombe_s_published_examples(counts, expected):
    """Newcombe 1998, table II, method 10."""
    assert unpaired(*counts).interval() == pytest.approx(expected, abs=5e-5)


def test_no_failure_on_either_side():
    """Two recipes that never fail in 25 seeds: up to 13.3 points are not excluded, as for one of them."""
    high = wilson_interval(0, 25)[1]
    assert unpaired(0, 25, 0, 25).interval() == pytest.approx((-high, high))


def test_paired_interval_by_the_published_formula():
    """Newcombe's paired method 10 written out for a table: 12 both, 9 only the first, 2 only the second, 30 neither."""
    a, b, c, d = 12, 9, 2, 30
    n = a + b + c + d
    first = np.array([1] * (a + b) + [0] * (c + d))
    second = np.array([1] * a + [0] * b + [1] * c + [0] * d)
    (l1, u1), (l2, u2) = wilson_interval(a + b, n), wilson_interval(a + c, n)
    phi = max(a * d - b * c - n / 2, 0) / math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    p1, p2 = (a + b) / n, (a + c) / n
    below = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    above = math.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    found = RateDifference(first, second, 1, paired=True).interval()
    assert found == pytest.approx((p1 - p2 - below, p1 - p2 + above), abs=1e-12)


def test_runs_of_one_seed_are_not_independent():
    """Three cells that always agree say no more than one cell: same interval, whatever the number of runs."""
    failed, other = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 0]), np.zeros(10, int)
    one = RateDifference(failed, other, 1, paired=True)
    three = RateDifference(3 * failed, other, 3, paired=True)
    assert three.effect == one.effect == 0.4
    assert three.p_above_zero() == one.p_above_zero() == 1 / 16
    assert three.interval()[1] == pytest.approx(one.interval()[1])


@pytest.mark.parametrize(("margin", "side"), [(0.15, "below"), (0.15, "above"), (-0.3, "below"), (0.0, "above")])
def test_the_p_value_and_the_interval_agree(margin, side):
    """The p-value against a margin is where a one-sided interval just reaches it."""
    difference = unpaired(4, 25, 3, 20)
    p = difference.p_beyond(margin, side)
    confidence = abs(1 - 2 * p)
    low, high = difference.interval(confidence)
    assert min(abs(low - margin), abs(high - margin)) < 1e-9
    assert difference.p_beyond(margin, "above") + difference.p_beyond(margin, "below") == pytest.approx(1)
    assert (p < 0.5) == ((difference.effect > margin) == (side == "above"))


def test_intervals_of_clustered_pairs_cover():
    """Seeds that fail together in four cells, both recipes alike: 95 % intervals cover 0 in at least 93 % of 600 draws."""
    generator = np.random.default_rng(5)
    covered = []
    for _ in range(600):
        liable = generator.beta(0.8, 1.2, 20)
        first, second = (generator.binomial(4, liable) for _ in range(2))
        low, high = RateDifference(first, second, 4, paired=True).interval()
        covered.append(low <= 0 <= high)
    assert 0.93 < np.mean(covered) <= 1.0


def test_pairs_need_partners_and_nothing_shows_nothing():
    """Pairs of unequal length are a mistake; no seed excludes no difference."""
    with pytest.raises(UserError, match="found 2 and 1"):
        RateDifference(np.array([1, 0]), np.array([1]), 1, paired=True)
    nothing = RateDifference(np.array([], int), np.array([], int), 1, paired=False)
    assert all(map(math.isnan, nothing.interval()))
    assert nothing.p_beyond(0.15, "below") == nothing.p_above_zero() == 1.0
    assert math.isnan(nothing.effect)


def test_holm_by_hand():
    """Holm 1979's steps: 3 x .01, 2 x .03, then never smaller than the one before; an untested one counts."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    corrected = holm([0.01, math.nan, 0.03])
    assert corrected[0] == pytest.approx(0.03)
    assert math.isnan(corrected[1])
    assert corrected[2] == pytest.approx(0.06)
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_raw_and_bonferroni(p_values):
    """And keeps the order."""
    corrected = holm(p_values)
    assert all(p <= c <= min(1, p * len(p_values)) + 1e-12 for p, c in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()
