"""Claims on failure rates: holds, does not hold, not decided; what counts as a failure; pairs of seeds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.claims.evidence import CellKey, Evidence
from seedproof.analysis.claims.rates import MARGIN, failures_by_seed
from seedproof.errors import UserError

from .conftest import cell, first, of_roles


def two(worse, better, seeds=25, roles=("bert_uncorrected", "bert_corrected"), cells=2, start=0):
    """Two roles with these failures in each cell, those of the second role on other seeds."""
    tables = {}
    for index, (role, failures, begin) in enumerate(zip(roles, (worse, better), (0, start), strict=True)):
        parts = [
            cell(np.roll(first(failures, seeds), 3 * place + 6 * index), recipe=f"{role}-{place}", start=begin)
            for place in range(cells)
        ]
        tables[role] = pd.concat(parts)
    return of_roles(**tables)


@pytest.mark.parametrize(
    ("claim", "roles"),
    [
        ("shallow-control", ("deep", "shallow")),
        ("correction-bert", ("bert_uncorrected", "bert_corrected")),
        ("correction-roberta", ("roberta_uncorrected", "roberta_corrected")),
        ("correction-albert", ("albert_uncorrected", "albert_corrected")),
    ],
)
def test_fails_more(decide, claim, roles):
    """Ten against none of 25 is shown; none against none is shown to be too small; two against none neither."""
    holds = decide(claim, two(10, 0, roles=roles))
    assert holds.verdict == "holds"
    assert (holds.finding.effect, holds.finding.n, holds.n_needed) == (0.4, 25, None)
    assert "20 of 50 runs failed" in holds.why
    assert holds.finding.low > 0
    wrong = decide(claim, two(0, 0, roles=roles))
    assert wrong.verdict == "does not hold"
    assert wrong.finding.high < MARGIN
    assert "0 of 50 runs failed" in wrong.why
    open_ = decide(claim, two(3, 1, roles=roles))
    assert open_.verdict == "not decided"
    assert open_.n_needed > 25
    assert f"about {open_.n_needed} would decide" in open_.why


def test_a_cure_that_makes_it_worse_does_not_hold(decide):
    """The other way round, the claim is wrong, not undecided."""
    assert decide("correction-bert", two(0, 10)).verdict == "does not hold"


def test_too_few_seeds_are_not_tested(decide):
    """Nineteen, however clear: the number was fixed beforehand."""
    decision = decide("correction-bert", two(19, 0, seeds=19))
    assert decision.verdict == "not decided"
    assert decision.n_needed == 20
    assert math.isnan(decision.p_corrected)
    assert "19 seeds are too few to test: at least 20 are needed." in decision.why


def test_what_would_decide_is_not_what_can_be_tested(decide):
    """Of an effect that 10 runs would have let be tested, and 136 decided, it was said that 10 would decide."""
    decision = decide("correction-bert", two(2, 1, seeds=15))
    assert decision.n_needed > 20
    assert f"at least 20 are needed, and about {decision.n_needed} if things are as so few suggest." in decision.why


def test_as_stable_as(decide):
    """Never from a large p-value: 1 of 75 is within the margin; many more failures are not; a few of both are neither."""
    roles = ("few_examples_same_steps", "full_data")
    holds = decide("few-examples-optimized", two(0, 1, roles=roles, cells=3))
    assert holds.verdict == "holds"
    assert holds.finding.high < MARGIN
    wrong = decide("few-examples-optimized", two(9, 1, roles=roles, cells=3))
    assert wrong.verdict == "does not hold"
    open_ = decide("few-examples-optimized", two(8, 8, seeds=20, roles=roles, cells=1))
    assert (open_.verdict, open_.finding.effect) == ("not decided", 0.0)
    assert open_.finding.p > 0.05  # no difference at all, and still not shown to be small
    assert open_.n_needed > 20


def steps(epochs, same_steps, full):
    """Three roles with these failures among 40 seeds, each on others."""
    counts = {"few_examples_same_epochs": epochs, "few_examples_same_steps": same_steps, "full_data": full}
    tables = {
        role: cell(np.roll(first(failures, 40), 9 * index), recipe=role)
        for index, (role, failures) in enumerate(counts.items())
    }
    return of_roles(**tables)


def test_steps_not_examples(decide):
    """Both parts are needed, and either one shown wrong is enough against it."""
    holds = decide("steps-not-examples-optimized", steps(20, 0, 0))
    assert holds.verdict == "holds"
    assert "20 of 40" in holds.why
    assert "full data" in holds.why
    nothing_fails = decide("steps-not-examples-optimized", steps(0, 0, 0))
    assert nothing_fails.verdict == "does not hold"
    assert decide("steps-not-examples-optimized", steps(36, 20, 0)).verdict == "does not hold"  # examples matter too
    open_ = decide("steps-not-examples-optimized", steps(20, 11, 9))
    assert open_.verdict == "not decided"
    assert open_.n_needed > 40


def quarter(plain, slow, corrected, seeds=30):
    tables = {"default_rate_uncorrected": plain, "quarter_rate_uncorrected": slow, "default_rate_corrected": corrected}
    return of_roles(**{role: cell(first(n, seeds), recipe=role) for role, n in tables.items()})


def test_quarter_of_the_rate(decide):
    """Fails less than the default, and not more than with correction."""
    assert decide("quarter-rate", quarter(15, 0, 0)).verdict == "holds"
    assert decide("quarter-rate", quarter(25, 15, 0)).verdict == "does not hold"
    assert decide("quarter-rate", quarter(9, 5, 5)).verdict == "not decided"


def test_different_seeds_are_not_paired(decide):
    """The same counts on other seeds: a shuffled test, and the correlation of pairs is not used."""
    same, other = decide("correction-bert", two(10, 2)), decide("correction-bert", two(10, 2, start=100))
    assert "sign flips of the same seeds" in same.finding.test
    assert "shuffled different seeds" in other.finding.test
    assert same.finding.effect == other.finding.effect
    assert same.finding.p != other.finding.p


def test_while_runs_are_missing_pairs_are_made_of_what_is_there(decide):
    """The pairing is not lost with one run; the seeds that wait are named."""
    evidence = two(10, 2)
    runs = evidence.runs
    runs.loc[(runs["seed"] == "24") & (runs["recipe"] == "bert_corrected-0"), "state"] = "running"
    decision = decide("correction-bert", evidence)
    assert "sign flips of the same seeds" in decision.finding.test
    assert decision.finding.n == 24
    assert "over the 24 seeds that are finished in both, 1 are not" in decision.why


def test_cells_that_say_nothing_are_counted(decide):
    """Where no run fails with either setting, or all do, there was nothing to lower."""
    none, all_ = cell(first(0, 25), recipe="x"), cell(first(25, 25), recipe="y")
    some, fewer = cell(first(10, 25), recipe="z"), cell(first(2, 25), recipe="z2")
    parts = {
        "bert_uncorrected": [none, all_, some],
        "bert_corrected": [none.assign(recipe="x2"), all_.assign(recipe="y2"), fewer],
    }
    decision = decide("correction-bert", of_roles(**{role: pd.concat(tables) for role, tables in parts.items()}))
    assert "in 2 of 3 cells no run failed, or all did, in both: they say nothing" in decision.why
    assert "say nothing" not in decide("correction-bert", two(10, 2)).why


def test_of_two_parts_the_harder_one_is_shown(decide):
    """The effect in the ledger is the one that decides."""
    lowering, harm = decide("quarter-rate", quarter(9, 8, 8)).finding, decide("quarter-rate", quarter(25, 8, 1)).finding
    assert lowering.effect_name == "failure rate of default rate uncorrected minus quarter rate uncorrected"
    assert harm.effect_name == "failure rate of quarter rate uncorrected minus default rate corrected"
    assert (lowering.effect, harm.effect) == (pytest.approx(1 / 30), pytest.approx(7 / 30))


def test_a_diverged_run_is_a_failure_and_an_unfinished_one_is_no_run():
    """NaN stays in the denominator; a seed that is not finished in every cell waits."""
    table = pd.concat([cell([1, 0, 0], recipe="a"), cell([0, 0, 1], recipe="b")], ignore_index=True)
    table.loc[1, ["outcome", "reason", "score"]] = ["failed", "diverged", math.nan]
    table.loc[5, ["state", "outcome"]] = ["crashed", None]
    evidence = of_roles(deep=table)
    assert failures_by_seed(evidence, "deep").to_dict() == {"0": 1, "1": 1}


def test_roles_that_do_not_match(decide):
    """Different numbers of cells, and a seed twice, are mistakes; a role without runs is missing evidence."""
    evidence = of_roles(
        deep=pd.concat([cell(first(5, 20), recipe="a"), cell(first(5, 20), recipe="b")]),
        shallow=cell(first(0, 20), recipe="c"),
    )
    with pytest.raises(UserError, match="'deep' and 'shallow' are compared cell by cell but have 2 and 1 cells"):
        decide("shallow-control", evidence)
    table = cell(first(5, 20), recipe="a")
    twice = Evidence(runs=pd.concat([table, table.assign(run="x")]), roles={"deep": [CellKey("rte", "bert", "a")]})
    with pytest.raises(UserError, match="two runs of seed 0"):
        failures_by_seed(twice, "deep")
    only = Evidence(runs=table, roles={"deep": [CellKey("rte", "bert", "a")]})
    assert decide("shallow-control", only).why == "Evidence is missing: no cells have the role 'shallow'."


def test_a_run_that_overfitted_is_no_failure_of_the_optimization(decide):
    """On 250 examples of paraphrase 5 of 8 failed runs had learned their training set by heart."""
    few, full = cell(first(12, 25), recipe="few"), cell(first(0, 25), recipe="full")
    evidence = of_roles(few_examples_same_steps=few.assign(kind="overfitted"), full_data=full)
    decision = decide("few-examples-optimized", evidence)
    assert decision.verdict == "holds"
    assert "12 and 0 more failed by overfitting" in decision.why
    assert (
        decide("few-examples-optimized", of_roles(few_examples_same_steps=few, full_data=full)).verdict
        == "does not hold"
    )


def families(bert, roberta, seeds=25):
    """Failures without correction of two families, none with it, in one cell each."""
    return of_roles(
        bert_uncorrected=cell(first(bert, seeds), recipe="bu"),
        bert_corrected=cell(first(0, seeds), recipe="bc"),
        roberta_uncorrected=cell(first(roberta, seeds), recipe="ru"),
        roberta_corrected=cell(first(0, seeds), recipe="rc"),
    )


def test_an_effect_smaller_than_another(decide):
    """That both effects are shown families hides that they are equal."""
    holds = decide("correction-roberta-smaller", families(18, 2))
    assert holds.verdict == "holds"
    assert "falls by 0.72 (bert uncorrected to bert corrected) against 0.08" in holds.why
    assert decide("correction-roberta-smaller", families(10, 10)).verdict == "does not hold"
    assert decide("correction-roberta-smaller", families(8, 5)).verdict == "not decided"
