"""Shapes that annotations name hold while tests run, and jaxtyping is nothing that a user needs."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from seedproof.models.stacked.masks import site_keys


def test_a_wrong_shape_is_refused_while_tests_run():
    seeds = np.zeros(2, np.uint64)
    assert site_keys(seeds, np.arange(3)).shape == (2, 3)
    with pytest.raises(TypeCheckError, match="sites"):
        site_keys(seeds, np.zeros((1, 3), int))
