"""The measure that is noted when a run ends is that of the analysis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis import gradient_table, vanishing_steps
from seedproof.analysis.runs import runs_table
from seedproof.execution.ending import Digest
from seedproof.probes.vanishing import ATTENTION, have_vanished
from seedproof.store import Store
from seedproof.study.results import open_results

STORE = Path(__file__).parent.parent / "assets" / "first" / "plain"
NAMES = [
    f"bert.encoder.layer.{layer}.attention.self.{kind}.weight" for layer in range(4) for kind in ("query", "value")
]


def gradients(*lower: float, top: float = 1.0):
    """Recorded norms: the two lower layers have ``lower``, one value a recording, all others 1."""
    first = {"step": 0, "kind": "gradients", "names": [*NAMES, "classifier.weight"]}
    rest = [np.array([value] * 4 + [1.0] * 4 + [top], np.float32) for value in lower]
    return [
        first,
        *({"step": 10 * n, "kind": "gradients", "norms": norms, "total": 1.0} for n, norms in enumerate(rest, 1)),
    ]


def vanished(records):
    return have_vanished(Digest.of(records, None).fractions)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (gradients(1.0, 0.001, 0.002), True),
        (gradients(1.0, 0.5, 0.5, 0.001, 0.002), True),
        (gradients(1.0, 0.001, 0.5), False),  # it came back
        (gradients(1.0, 0.5, 0.001), False),  # for good takes more than the last recording
        (gradients(0.001, 0.001, 0.001), False),  # it was never there
        (gradients(0.004, 0.4, 0.001, 0.002), True),  # a head just drawn let little through at the first look
        (gradients(0.004, 0.4, 0.001), False),
        (gradients(0.02, 0.009, 0.008), False),  # it hovers about the threshold
        (gradients(1.0, 0.02, 0.02), False),
        (gradients(1.0, 0.02, 0.02, top=3.0), True),
        (gradients(1.0, np.nan, 0.0), False),
        (gradients(1.0, 0.001), None),
        (gradients(np.nan, np.nan, np.nan), None),  # frozen: nothing is told
        (gradients(np.nan, np.nan, 0.5, 0.6), False),  # thawed
        (gradients(np.nan, np.nan, 0.5, 0.001, 0.002), True),
        ([], None),
        (
            [{"step": 0, "kind": "gradients", "names": ["a.weight"]}]
            + 3 * [{"step": 1, "kind": "gradients", "norms": [1.0]}],
            None,
        ),
    ],
)
def test_by_hand(records, expected):
    assert vanished(records) is expected


def test_it_says_what_the_analysis_says():
    """But for runs that had no gradients to lose, which the analysis lets vanish at their first recording."""
    runs = open_results(STORE).runs()
    finished = runs.loc[(runs["state"] == "finished") & (runs["reason"] != "diverged"), "run"].unique()
    records = {id_: list(Store.open(STORE).run(id_).journal.read()) for id_ in finished}
    steps = vanishing_steps(gradient_table(records, runs), kinds=ATTENTION).set_index("run")["step"]
    made = gradients(1.0, 0.001, 0.001)
    cell = type("Cell", (), {"task": "t", "model": "m", "recipe": "r", "seed": "0", "id": "made"})()
    result = {"outcome": "failed", "reason": "majority", "steps": 20, "training_loss": 1.0, "metrics": {}}
    of_made = vanishing_steps(
        gradient_table({"made": made}, runs_table([cell], {"made": result}, {})), kinds=ATTENTION
    )["step"]
    assert len(records) > 5
    assert not any(vanished(of) and steps[id_] is pd.NA for id_, of in records.items())
    assert vanished(made)
    assert of_made.iloc[0] == 20
