"""Scores as a card says them."""

import numpy as np
import pytest
from tests.fitting.made import SINGLE, make_task

from seedproof.fitting.card.told import Told
from seedproof.models.source import find_model


@pytest.mark.parametrize(
    ("metrics", "low", "high", "ends"),
    [
        (("accuracy",), 0.5, 0.75, ("0.500", "0.750")),
        (("matthews",), -0.2, -0.1, ("-0.200", "-0.100")),
        (("neg_mae",), -10.5, -9.2, ("9.200", "10.500")),  # an error, whose larger score is the smaller number
    ],
)
def test_a_range_begins_with_the_smaller_number(metrics, low, high, ends):
    told = Told(
        task=make_task(metrics=metrics) if metrics != ("neg_mae",) else make_task(np.array([0.5, 1.5]), (), metrics),
        problem_type=SINGLE,
        source=find_model("miniature/bert-shallow"),
        recipe="mosbach",
        command="",
        cut={},
        max_length=128,
        notes=(),
        differing=0.0,
    )
    assert told.ends(low, high) == ends
