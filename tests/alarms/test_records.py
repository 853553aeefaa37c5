"""Rules see the same of a run while it trains and from its records."""

from __future__ import annotations

import math

import numpy as np

from seedproof.alarms import signals_of
from seedproof.probes.early import packed

NAMES = ["layer", "classifier"]


def test_a_step_with_all_recordings_gives_all_signals_and_one_without_its_loss():
    early = {"entropy": 0.6, "spread": 0.1, "counts": [3, 13], "saturated": 0.5}
    norms = packed(np.array([0.25, 2.0]))
    records = [
        {"step": 0, "kind": "early", "names": NAMES},
        {"step": 1, "kind": "loss", "loss": 0.7},
        {"step": 1, "kind": "early", "norms": norms, **early, "distances": packed(np.array([0.0, 4.0]))},
        {"step": 2, "kind": "loss", "loss": math.inf},
        {"step": 2, "kind": "evaluation", "scores": {}},
    ]
    first, second = signals_of(records, steps=5, reference_loss=0.69)
    assert (first.step, first.steps, first.loss, first.reference_loss, first.names) == (1, 5, 0.7, 0.69, NAMES)
    assert first.norms.tolist() == [0.25, 2.0]
    assert first.distances.tolist() == [0.0, 4.0]
    assert {name: getattr(first, name) for name in early} == early
    assert (second.step, second.loss, second.norms, second.entropy, second.names) == (2, math.inf, None, None, NAMES)


def test_norms_come_from_the_recording_of_gradients_where_there_is_no_other():
    records = [
        {"step": 0, "kind": "gradients", "names": NAMES},
        {"step": 1, "kind": "loss", "loss": 0.7},
        {"step": 1, "kind": "gradients", "norms": np.array([1.0, 3.0], np.float32), "total": 3.2},
    ]
    (found,) = signals_of(records, steps=5, reference_loss=0.69)
    assert (found.norms.tolist(), found.names) == ([1.0, 3.0], NAMES)
