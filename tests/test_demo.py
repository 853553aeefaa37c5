"""The demo: what it compares, and the sentence it ends with."""

from __future__ import annotations

import pandas as pd
from tests.analysis.conftest import make_runs  # noqa: F401 - a fixture

from seedproof.analysis import summarize
from seedproof.demo import CORRECTED, MODEL, TASK, conclusion, demo_study
from seedproof.models.source import find_model


def test_the_two_recipes_differ_in_the_bias_correction_only():
    first, second = (resolved.recipe.to_json() for resolved in demo_study().resolved(find_model("miniature/bert")))
    different = {name for name in first if first[name] != second[name]}
    assert different == {"name", "bias_correction"}
    assert (first["name"], second["name"]) == ("devlin", CORRECTED)  # by which the conclusion finds them
    assert first["epochs"] == second["epochs"] == 3
    assert len(demo_study().seeds) >= 8


def summary(make_runs, failed):  # noqa: F811
    """Eight seeds a recipe; the demo's folder may have been extended by a third one."""
    scores = [0.961, 0.962, 0.963, 0.964, 0.965, 0.966, 0.967, 0.968]
    runs = [
        make_runs([0.5] * count + scores[count:], recipe=name, task=TASK, model=MODEL)
        for name, count in (("mixout", 1), (CORRECTED, 0), ("devlin", failed))
    ]
    return summarize(pd.concat(runs), resamples=100)


def test_the_conclusion_of_two_failures_is_that_they_decide_nothing(make_runs):  # noqa: F811
    """2 of 8 against 0 of 8: two pairs that differ, either of which could have been the other way round."""
    said = conclusion(summary(make_runs, 2))
    assert said.startswith("What was seen: 2 of 8 runs failed without bias correction (mean accuracy 0.849, SD 0.215)")
    assert "and 0 of 8 runs failed with it, same seeds and epochs (mean accuracy 0.965, SD 0.002)." in said
    assert said.endswith("is seen with p = 0.5, and about 38 more seeds would decide if things are as they look.")


def test_the_conclusion_of_many_failures_and_of_none(make_runs):  # noqa: F811
    assert conclusion(summary(make_runs, 7)).endswith("That is more than chance: p = 0.016.")
    assert "That decides nothing about failures" in conclusion(summary(make_runs, 0))
