"""What a card says is to be expected: where a race has selected the runs, that."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fitting.made import LABELS, SINGLE, make_task, make_told, noisy, run

import seedproof as sp
from seedproof.fitting.card.expectations import findings
from seedproof.fitting.card.page import card
from seedproof.fitting.judging import judge

PROBLEM = (SINGLE, "regression")
ONE_GROUP = np.zeros(len(LABELS), np.int64)


@pytest.mark.parametrize(
    ("labels", "groups"),
    [(LABELS, ONE_GROUP), (np.arange(50) // 49, None), (np.array([0, 1]), None)],
    ids=["one group", "one positive", "two rows"],
)
@pytest.mark.parametrize(("seeds", "ensemble"), [(1, None), (3, None), (3, "predictions")])
def test_without_an_expectation_the_card_is_written_and_says_why(labels, groups, seeds, ensemble):
    """All is trained by then: what the hub's client refuses, an evaluation without a number, must not lose it."""
    task, generator = make_task(labels, groups=groups), np.random.default_rng(0)
    runs = [run(seed, noisy(generator, 0.1, labels), task) for seed in range(seeds)]
    judgement = judge(runs, task, SINGLE, ensemble=ensemble)
    text = card(judgement, make_told(task))
    if seeds > 1:
        assert "are too few to say by how much that flatters it" in text
        assert "model-index" not in text
    assert "nan" not in text


@pytest.mark.parametrize("metric", ["average_precision:rare", "f1:rare", "average_precision", "auroc"])
def test_draws_without_the_class_are_left_out_and_that_is_said(metric):
    """One draw without an example of the class made the expectation and the interval of average precision NaN."""
    labels, generator = np.repeat([0, 1, 2], [97, 97, 4]), np.random.default_rng(0)
    task = make_task(labels, ("a", "b", "rare"), metric=metric)
    runs = [run(seed, noisy(generator, 1.0, labels, 3), task) for seed in range(3)]
    judgement = judge(runs, task, SINGLE)
    assert judgement.low < judgement.expected < judgement.high
    said = "of the draws of the bootstrap behind this have no example of 'rare', or no other, on one of their sides"
    assert (said in card(judgement, make_told(task))) == (":rare" in metric)


@pytest.mark.parametrize("metric", ["accuracy", "matthews", "pearson", "neg_mae"])
@pytest.mark.parametrize("ensemble", [None, "predictions"])
def test_a_model_that_the_examples_do_not_tell_from_a_constant_is_said_to_be_none_better(metric, ensemble):
    """It had succeeded by a hair, and was shipped without a word."""
    generator = np.random.default_rng(0)
    is_regression = metric in ("pearson", "neg_mae")
    labels = generator.standard_normal(120) if is_regression else LABELS
    metrics, classes = (("pearson",), ()) if is_regression else (("accuracy",), ("no", "yes"))
    task, kind = make_task(labels, classes, metrics, metric=metric), PROBLEM[is_regression]

    def said(noise):
        """What is found of runs whose answers are of so much noise, on the card and printed."""
        if is_regression:
            made = [(labels + noise * generator.standard_normal(120))[:, None] / (1 + noise**2) for _ in range(3)]
        else:
            made = [noisy(generator, 2 * noise, labels) for _ in range(3)]
        runs = [run(seed, outputs, task) for seed, outputs in enumerate(made)]
        judgement = judge(runs, task, kind, ensemble=ensemble)
        told = make_told(task, kind)
        is_on_page = "That interval covers" in card(judgement, told)
        assert is_on_page == ("That interval covers" in " ".join(findings(judgement, told)))
        return is_on_page

    assert said(20.0)
    assert not said(0.3)


@pytest.mark.parametrize(
    ("chosen", "failed", "groups", "why"),
    [
        ([1], 2, None, "that takes at least 2 runs that succeeded, and 1 of 3 did"),
        ([1, 1], 0, None, "the 2 that succeeded have one and the same score"),
        ([0, 1], 0, ONE_GROUP, "are too few to draw others from them"),
    ],
    ids=["one succeeded", "equal", "one group"],
)
def test_where_nothing_is_known_of_the_spread_it_is_said_why(runs, chosen, failed, groups, why):
    task, constant = make_task(groups=groups), np.tile([1.0, 0.0], (len(LABELS), 1))
    all_runs = [runs[each] for each in chosen]
    all_runs += [run(9 + seed, constant, task, "failed") for seed in range(failed)]
    judgement = judge(all_runs, task, SINGLE)
    said = " ".join(findings(judgement, make_told(task)))
    assert "is no more than the size of the development set is not known: " in said
    assert why in said
    assert why in card(judgement, make_told(task))


@pytest.mark.parametrize("failed", [0, 2])
def test_an_ensemble_that_has_nothing_to_average_is_not_dropped_silently(runs, failed):
    task, constant = make_task(), np.tile([1.0, 0.0], (len(LABELS), 1))
    few = [runs[1], *(run(9 + seed, constant, task, "failed") for seed in range(failed))]
    judgement = judge(few, task, SINGLE, ensemble="weights")
    said = f"it takes at least 2 that succeeded, and 1 of {1 + failed} did, so this one seed is shipped."
    assert said in card(judgement, make_told(task))
    assert said in " ".join(findings(judgement, make_told(task)))
    assert judgement.numbers()["ensemble"] == {"averaged": "weights", "runs": 1}


@pytest.mark.slow
def test_the_card_of_a_race_says_that_its_runs_were_selected(table, tiny_model, options):
    out = table.parent / "raced" / "model"
    raced = sp.fit(table, model=tiny_model, out=out, race="3:2", progress=False, **options)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "3 runs were started, 1 stopped early, and 2 finished" in text
    assert "as the best of the 2 of 3 that a race let finish" in text
    assert "The 2 that finished score" in text
    assert "| stopped | by the race after step" in text
    assert (raced.numbers["started"], raced.numbers["stopped"]) == (3, 1)
