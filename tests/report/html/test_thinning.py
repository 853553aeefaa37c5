"""A journal of any length is read once, and what is kept of it is bounded and evenly spaced."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedproof.report.html.thinning import EvenlySpaced, curve_records, gradient_records


@pytest.mark.parametrize("count", [1, 5, 10, 11, 20, 21, 22, 1000, 1024])
def test_what_is_kept_is_bounded_evenly_spaced_and_has_both_ends(count):
    kept = EvenlySpaced[int](10)
    for item in range(count):
        kept.add(item)
    items = kept.items()
    assert len(items) <= 21
    assert (items[0], items[-1]) == (0, count - 1)
    assert len(items) >= min(count, 10)
    assert len(set(np.diff(items)[:-1])) <= 1


def test_losses_become_means_and_logits_go():
    """Ten steps in windows of four by hand; the last window has what is left."""
    records = [{"kind": "loss", "step": step, "loss": float(step)} for step in range(1, 11)]
    records.insert(5, {"kind": "evaluation", "step": 5, "scores": {"accuracy": 1.0}, "logits dev": np.zeros(3)})
    found = list(curve_records(records, 10, 3))
    assert [(record["step"], record["loss"]) for record in found if record["kind"] == "loss"] == [
        (4, 2.5),
        (8, 6.5),
        (10, 9.5),
    ]
    assert [record for record in found if record["kind"] == "evaluation"] == [
        {"kind": "evaluation", "step": 5, "scores": {"accuracy": 1.0}}
    ]
    assert math.isnan(next(iter(curve_records([{"kind": "loss", "step": 1, "loss": math.nan}], 1, 3)))["loss"])


def test_gradients_are_thinned_with_their_names():
    records = [{"kind": "gradients", "step": 0, "names": ["a"]}, {"kind": "loss", "step": 1, "loss": 1.0}]
    records += [{"kind": "gradients", "step": step, "norms": [1.0]} for step in range(1, 100)]
    found = gradient_records(iter(records), 10)
    assert found[0]["names"] == ["a"]
    assert len(found) <= 22
    assert found[-1]["step"] == 99
