"""Limits are read, named where they are wrong, and what is left keeps every cell and outcome."""

from __future__ import annotations

import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.report.limits import Limits, spread


def test_limits_are_read():
    assert Limits.parse(["curves=20", "runs=7"]) == Limits(curves=20, runs=7)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("curve=20", "did you mean 'curves'"),
        ("curves=many", "give a whole number"),
        ("curves=0", "from 1"),
        ("runs", "runs=100"),
    ],
)
def test_what_is_no_limit_is_named(written, message):
    with pytest.raises(UserError, match=message):
        Limits.parse([written])


def test_every_cell_and_outcome_stays():
    """Ten runs of one recipe and two of another, failed ones rare: of five rows each kind has at least one, in order."""
    rows = [("a", "succeeded")] * 9 + [("a", "failed"), ("b", "succeeded"), ("b", "failed")]
    runs = pd.DataFrame(rows, columns=["recipe", "outcome"]).assign(task="t", model="m", state="finished")
    assert list(spread(runs, 5).index) == [0, 1, 9, 10, 11]
    assert spread(runs, 12) is runs
