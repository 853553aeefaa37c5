"""The demo: what it compares, and the sentence it ends with."""

from __future__ import annotations

import pandas as pd

from seedproof.models.source import find_model
from seedproof.studies.demo import CORRECTED, MODEL, TASK, conclusion, demo_study


def test_the_two_recipes_differ_in_the_bias_correction_only():
    first, second = (resolved.recipe.to_json() for resolved in demo_study().resolved(find_model("miniature/bert")))
    different = {name for name in first if first[name] != second[name]}
    assert different == {"name", "bias_correction"}
    assert first["epochs"] == second["epochs"] == 3
    assert len(demo_study().seeds) >= 8


def test_the_conclusion_says_what_was_seen_also_when_nothing_failed():
    rows = pd.DataFrame(
        {
            "task": [TASK] * 3,
            "model": [MODEL] * 3,
            "recipe": ["mixout", CORRECTED, "devlin"],  # the demo's folder may have been extended
            "failed": [1, 0, 5],
            "finished": [8, 8, 8],
            "metric": ["accuracy"] * 3,
            "sd": [0.1, 0.05, 0.21],
        }
    )
    assert conclusion(rows) == (
        "What was seen: 5 of 8 runs failed without bias correction (SD of accuracy 0.210) and 0 of 8 runs failed with it, "
        "same seeds and epochs (SD of accuracy 0.050)."
    )
