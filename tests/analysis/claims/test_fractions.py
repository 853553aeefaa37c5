"""Claims that most runs have a property: where failed runs forget."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.claims.fractions import layers_to_undo

from .conftest import cell


def curve(run, left, outcome="failed", original=2.0):
    """A run of four layers: nats over the pre-trained model with 0 to 4 layers put back."""
    rows = [(run, outcome, k, "finetuned", original + value) for k, value in enumerate(left)]
    rows.append((run, outcome, len(left) - 1, "pretrained", original))
    return pd.DataFrame(rows, columns=["run", "outcome", "layers_restored", "embeddings", "loss"])


@pytest.mark.parametrize(
    ("left", "fraction"),
    [
        ([5, 4, 0.4, 0.3, 0.2], 0.5),  # undone by two of four layers
        ([5, 0.4, 4, 0.3, 0.2], 0.75),  # and stays so
        ([5, 4, 3, 2, 1], math.inf),  # the fine-tuned embeddings forget too
        ([0.05, 0.04, 0.03, 0.02, 0.01], 0.0),  # nothing was forgotten
        ([math.inf, 9, 0.05, 0.05, 0.05], 0.5),  # infinite perplexity of a failed run
        ([math.nan, 9, 0.2, 0.2, 0.2], math.inf),
    ],
)
def test_layers_to_undo(left, fraction):
    """By hand."""
    row = layers_to_undo(curve("a", left)).iloc[0]
    assert row["fraction"] == fraction
    assert row["forgotten"] == pytest.approx(left[0], nan_ok=True)


def test_layers_need_both_ends():
    """A curve without the pre-trained model cannot be measured against it."""
    table = curve("a", [5, 4, 3, 2, 1])
    with pytest.raises(Missing, match="run a was not measured"):
        layers_to_undo(table[table["embeddings"] == "finetuned"])
    with pytest.raises(Missing, match="run a was not measured"):
        layers_to_undo(table[table["layers_restored"] > 0])


def forgetting(upper, everywhere):
    """Failed runs that forget in the upper layers, and in all."""
    parts = [curve(f"u{i}", [5, 3, 0.4, 0.2, 0.1]) for i in range(upper)]
    parts += [curve(f"e{i}", [5, 5, 4, 3, 0.4]) for i in range(everywhere)]
    parts += [curve("s", [1, 0.9, 0.8, 0.7, 0.6], "succeeded")]
    return Evidence(runs=cell([0], recipe="a"), forgetting=pd.concat(parts))


def test_forgetting_in_upper_layers(decide):
    """All of nine; none of nine; half of eight; too few. The successful run does not count."""
    assert decide("forgetting-upper-layers", forgetting(9, 0)).verdict == "holds"
    wrong = decide("forgetting-upper-layers", forgetting(0, 9))
    assert wrong.verdict == "does not hold"
    assert "0 of 9 failed runs that forgot (the median run needs 100.0% of its layers)" in wrong.why
    assert decide("forgetting-upper-layers", forgetting(5, 4)).verdict == "not decided"
    few = decide("forgetting-upper-layers", forgetting(4, 0))
    assert (few.verdict, few.finding.n) == ("not decided", 4)
    empty = decide("forgetting-upper-layers", Evidence(runs=cell([0], recipe="a")))
    assert empty.why == "Evidence is missing: the table 'forgetting' was not measured."


def test_what_forgot_nothing_is_no_evidence_of_where(decide):
    """Ten failed runs that forgot nothing beside two that forgot everywhere: two count."""
    table = forgetting(0, 2).forgetting
    none = [curve(f"n{i}", [0.09, 0.04, 0.03, 0.02, 0.01]) for i in range(10)]
    decision = decide(
        "forgetting-upper-layers", Evidence(runs=cell([0], recipe="a"), forgetting=pd.concat([table, *none]))
    )
    assert (decision.verdict, decision.finding.n, decision.finding.effect) == ("not decided", 2, 0)
    assert "10 of 12 failed runs forgot nothing" in decision.why
    lost = curve("x", [math.nan, 9, 0.2, 0.2, 0.2])
    evidence = Evidence(runs=cell([0], recipe="a"), forgetting=pd.concat([forgetting(4, 0).forgetting, lost]))
    assert decide("forgetting-upper-layers", evidence).finding.effect == 0.8  # not a number is not "nothing"
