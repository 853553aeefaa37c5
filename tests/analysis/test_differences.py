"""Differences of two recipes: by hand, against scipy, and which seeds are compared."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.analysis import summarize, t_interval
from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.differences import compare, sign_flip

LEVEL = 0.05
GENERATOR = np.random.default_rng(7)
WORSE = [0.5] * 5 + [0.61, 0.62, 0.63, 0.6, 0.64, 0.66, 0.65]
BETTER = [0.7, 0.71, 0.72, 0.69, 0.73, 0.7, 0.74, 0.71, 0.72, 0.68, 0.73, 0.7]


def compared(*cells):
    rows = summarize(pd.concat(cells), resamples=200).to_dict("records")
    return compare(rows[1], rows[0], LEVEL)


def test_pairs_of_the_same_seeds(make_runs):
    """Five of twelve fail without the cure, none with it: each number against its closed form."""
    one = compared(make_runs(WORSE), make_runs(BETTER, recipe="mosbach"))
    assert (one.recipe, one.baseline, one.seeds, one.paired) == ("mosbach", "devlin", 12, True)
    assert (one.failed, one.runs) == ((0, 5), (12, 12))
    failed = np.array([1] * 5 + [0] * 7)
    assert one.rate.effect == pytest.approx(-5 / 12)
    assert (one.rate.low, one.rate.high) == RateDifference(0 * failed, failed, 1, paired=True).interval()
    assert one.rate.p == pytest.approx(2 / 2**5)
    steps = np.array(BETTER) - WORSE
    assert (one.mean.low, one.mean.high) == pytest.approx(t_interval(steps))
    assert one.mean.p == pytest.approx(2 / 2**12)


def test_a_difference_of_sds_comes_from_the_intervals_of_both(make_runs):
    """Zou and Donner's: the ends lie apart by the root of two squared distances."""
    cells = [make_runs(WORSE), make_runs(BETTER, recipe="mosbach")]
    first, second = summarize(pd.concat(cells), resamples=200).to_dict("records")
    sd = compared(*cells).sd
    assert sd.effect == pytest.approx(second["sd"] - first["sd"])
    below = math.hypot(second["sd"] - second["sd_low"], first["sd_high"] - first["sd"])
    assert sd.low == pytest.approx(sd.effect - below)


def test_different_seeds_are_not_paired(make_runs):
    """Welch's test and interval of the means."""
    other = make_runs(BETTER, recipe="mosbach").assign(seed=[str(seed) for seed in range(100, 112)])
    one = compared(make_runs(WORSE), other)
    expected = scipy.stats.ttest_ind(BETTER, WORSE, equal_var=False)
    assert not one.paired
    assert one.mean.p == pytest.approx(expected.pvalue)
    assert (one.mean.low, one.mean.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_only_seeds_that_both_finished_are_compared(make_runs):
    """Twelve and ten of them: the two runs without a partner wait."""
    one = compared(make_runs(WORSE), make_runs([None, None, *BETTER[2:]], recipe="mosbach"))
    assert (one.seeds, one.failed, one.runs) == (10, (0, 3), (10, 10))


def test_few_seeds_have_no_interval_and_say_so(make_runs):
    """Four pairs: none at all, and only the least number of seeds that any test needs; a diverged run has no mean."""
    one = compared(make_runs(WORSE[3:7]), make_runs(BETTER[3:7], recipe="mosbach"))
    assert (one.rate.missing, one.mean.missing) == ("fewer than 5 seeds", "fewer than 10 seeds")
    assert all(map(math.isnan, (one.rate.low, one.mean.low, one.sd.low)))
    assert (one.rate.seeds_needed, one.mean.seeds_needed) == (6, 6)
    lost = compared(make_runs([math.nan, *WORSE[1:]]), make_runs(BETTER, recipe="mosbach"))
    assert lost.mean.missing == "1 diverged run without a score"
    assert math.isnan(lost.mean.effect)
    assert lost.sd.missing == "a recipe without an SD"
    assert lost.rate.p < 0.1


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-300, 300), min_size=1, max_size=9))
def test_sign_flip_counts_every_way_to_flip(steps):
    """Scores in three decimals: all 2^n signs, tried one by one."""
    sums = np.array([0])
    for step in steps:
        sums = np.concatenate([sums + step, sums - step])
    expected = min(1.0, 2 * min(np.mean(sums >= sum(steps)), np.mean(sums <= sum(steps))))
    assert sign_flip(np.array(steps) / 1000) == pytest.approx(expected)


@pytest.mark.parametrize("unit", [1e-7, 1e-3, 1e3, 1e6])
def test_a_sign_flip_does_not_depend_on_the_unit_of_an_error(unit):
    """An error in euros has differences of thousands, which as ten-thousandths would take gigabytes; one of a rate, tiny ones."""
    differences = np.array([0.3, -0.1, 0.9, 0.4, 0.7, 0.2, 0.5, -0.6])
    assert sign_flip(unit * differences) == pytest.approx(sign_flip(differences))


def test_of_many_pairs_student_agrees_with_the_exact_test():
    differences = GENERATOR.normal(0.002, 0.01, 101)
    assert sign_flip(differences) == pytest.approx(sign_flip(differences[:100]), rel=0.3)
    assert sign_flip(np.zeros(101)) == 1
