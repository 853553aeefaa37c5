"""Norms by layer and kind: the root of the sum of squares of the tensors in a place."""

from __future__ import annotations

import math

import numpy as np

from seedproof.analysis.locations import by_location

NAMES = [
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
    "bert.encoder.layer.0.attention.self.query.weight",
    "bert.encoder.layer.0.attention.self.query.bias",
]


def test_squares_add_up_and_biases_are_left_out():
    records = [{"step": 0, "names": NAMES}, {"step": 10, "norms": np.array([3, 4, 2, 9], np.float32), "total": 10.5}]
    table = by_location(records, "norms", "total")
    assert table[["step", "kind", "norm"]].values.tolist() == [
        [10, "embeddings", 5.0],
        [10, "query", 2.0],
        [10, "total", 10.5],
    ]
    assert table["layer"].isna().tolist() == [True, False, True]
    assert table["layer"][1] == 0


def test_a_norm_that_is_not_finite_stays_so():
    for name, value in (("norms", math.inf), ("distances", math.nan)):
        records = [{"step": 0, "names": NAMES}, {"step": 1, name: np.array([value, 4, 2, 9], np.float32)}]
        np.testing.assert_equal(by_location(records, name)["norm"].tolist(), [value, 2.0])


def test_a_tensor_without_a_gradient_is_left_out_and_a_place_without_any_is_missing():
    records = [{"step": 0, "names": NAMES}, {"step": 1, "norms": np.array([np.nan, 4, np.nan, 9], np.float32)}]
    np.testing.assert_equal(by_location(records, "norms")["norm"].tolist(), [4.0, math.nan])
