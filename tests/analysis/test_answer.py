"""The sentence that a study leads with: decided or not, how sure, how many more seeds, and against which baseline."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis import answers, difference_table, summarize
from seedproof.analysis.answer import DIFFERENCE_COLUMNS
from seedproof.analysis.comparisons import RateDifference
from seedproof.errors import UserError

GENERATOR = np.random.default_rng(3)


def scores(failed, runs=25, mean=0.7):
    """The first ones failed."""
    return [0.5] * failed + GENERATOR.normal(mean, 0.01, runs - failed).round(3).tolist()


def answer(*cells, baseline=None):
    [found] = answers(summarize(pd.concat(cells), resamples=200), baseline)
    return found


def test_decided_both_ways(make_runs):
    """Ten of 25 against none: a sentence with counts, means and p-values."""
    found = answer(make_runs(scores(10)), make_runs(scores(0, mean=0.8), recipe="mosbach"))
    assert str(found).startswith(
        "mosbach fails less often than devlin (0 of 25 runs against 10 of 25, p = .002) and scores higher"
    )
    assert str(found).endswith("p < .001).")


def test_two_of_eight_decide_nothing(make_runs):
    """The demo's case: p of Fisher's and of the paired test is far from .05, and the number of seeds is a size that does."""
    found = answer(make_runs(scores(2, 8)), make_runs(scores(0, 8), recipe="cure"))
    assert (
        "Not decided whether cure or devlin fails less often (0 of 8 runs against 2 of 8, p = .500): about 38 more"
        in str(found)
    )
    needed = found.comparisons[0].rate.seeds_needed
    generator = np.random.default_rng(0)
    drawn = [(generator.random((2, needed)) < [[0.25], [0.0]]).astype(int) for _ in range(200)]
    assert np.mean([RateDifference(*pair, 1, paired=True).p_above_zero() < 0.025 for pair in drawn]) > 0.8


def test_a_difference_too_small_is_not_chased(make_runs):
    """No advice to run thousands of seeds, and none where both are equal."""
    first = GENERATOR.normal(0.7, 0.05, 25).round(3)
    second = GENERATOR.permutation(first) + 0.0001
    assert "1,000 more seeds would not either" in str(answer(make_runs(first), make_runs(second, recipe="b")))
    assert "0 of 25 runs against 0 of 25; " in str(answer(make_runs(first), make_runs(second, recipe="b")))


def test_several_recipes_are_corrected(make_runs):
    """Three comparisons: Holm's p-values, decided ones first, those that are not with their number of seeds."""
    cells = [make_runs(scores(9))] + [make_runs(scores(k, mean=0.7 + k / 100), recipe=f"r{k}") for k in (0, 8, 9)]
    found = answer(*cells)
    p_values = [one.rate.p for one in found.comparisons]
    assert found.comparisons[0].rate.p_corrected == pytest.approx(3 * min(p_values))
    assert "Against devlin (9 of 25 runs failed" in found.sentence
    assert "r0 (0 of 25, p = .012) fails less often" in found.sentence
    assert "failure rates not decided for r8 (8 of 25, p = 1" in found.sentence


def test_the_baseline_is_devlin_or_the_first_or_the_chosen_one(make_runs):
    cells = [make_runs(scores(0), recipe=name) for name in ("mixout", "devlin", "mosbach")]
    assert answer(*cells).baseline == "devlin"
    assert answer(cells[2], cells[0]).baseline == "mosbach"
    assert [one.recipe for one in answer(*cells, baseline="mosbach").comparisons] == ["mixout", "devlin"]
    with pytest.raises(UserError, match=r"'mosback'.*mosbach"):
        answer(*cells, baseline="mosback")


def test_what_cannot_be_compared_is_said(make_runs):
    """One recipe, none finished, all failed, a diverged run, a recipe that has not begun."""
    assert "devlin failed in 6 of 25 runs, a failure rate between 11 and 43 %; with one recipe there is nothing" in str(
        answer(make_runs(scores(6)))
    )
    assert "No run of devlin has finished yet" in str(answer(make_runs([None]), make_runs([0.7], recipe="b")))
    assert "Every run failed (6 of 6)" in str(answer(make_runs([0.5] * 3), make_runs([0.5] * 3, recipe="b")))
    lost = answer(
        make_runs([math.nan, *scores(0, 11)]), make_runs(scores(0, 12), recipe="b"), make_runs([None], recipe="c")
    )
    assert "means cannot be compared (1 diverged run without a score); no run of c has finished yet." in str(lost)


def test_every_number_is_in_the_table(make_runs):
    found = answer(
        make_runs(scores(10)), make_runs(scores(0, mean=0.8), recipe="mosbach"), make_runs([0.6], recipe="few")
    )
    table = difference_table([found]).set_index("recipe")
    assert ["recipe", *table] == [DIFFERENCE_COLUMNS[2], *(name for name in DIFFERENCE_COLUMNS if name != "recipe")]
    assert table.loc["mosbach", "failure_rate_difference"] == pytest.approx(-0.4)
    assert table.loc["mosbach", ["failure_rate_low", "mean_high", "sd_low"]].notna().all()
    assert "mean: fewer than 10 seeds" in table.loc["few", "missing"]


def test_a_recipe_without_a_finished_run_is_not_judged(make_runs) -> None:
    runs = pd.concat([make_runs([0.4, 0.4]), make_runs([None, None], recipe="mosbach")], ignore_index=True)
    (answer,) = answers(summarize(runs))
    assert answer.sentence == (
        "Every run that has finished failed (2 of 2): devlin did no better than a constant answer; no run of mosbach "
        "has finished yet."
    )
