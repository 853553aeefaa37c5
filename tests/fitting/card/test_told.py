"""Scores as a card says them."""

import numpy as np
import pytest
from tests.fitting.made import make_task, make_told


@pytest.mark.parametrize(
    ("metrics", "low", "high", "ends"),
    [
        (("accuracy",), 0.5, 0.75, ("0.500", "0.750")),
        (("matthews",), -0.2, -0.1, ("-0.200", "-0.100")),
        (("neg_mae",), -10.5, -9.2, ("9.200", "10.500")),  # an error, whose larger score is the smaller number
    ],
)
def test_a_range_begins_with_the_smaller_number(metrics, low, high, ends):
    task = make_task(metrics=metrics) if metrics != ("neg_mae",) else make_task(np.array([0.5, 1.5]), (), metrics)
    assert make_told(task).ends(low, high) == ends
