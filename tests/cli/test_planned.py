"""What is printed of a study before its runs."""

from __future__ import annotations

import pytest

from seedproof.cli.planned import print_estimate
from seedproof.execution.timing import Estimate, Timed
from seedproof.launch.base import launcher_of
from seedproof.spec import Numerics


@pytest.mark.parametrize(
    ("runs", "jobs", "said"),
    [(1, 4, "40s with 1 at a time"), (4, 4, "10s with 4 at a time"), (3, 2, "27s with 2 at a time")],
)
def test_a_run_is_not_divided_between_workers(runs, jobs, said, capsys):
    """One run with four workers takes as long as with one; three with two take two rounds."""
    timed = (Timed(seconds=1.0, steps=8, parameters=1, tensors=1),)
    estimate = Estimate(seconds=40.0, disk_bytes=0.0, runs=runs, timed=timed)
    print_estimate(estimate, Numerics(), jobs, launcher_of("inline"), has_fleet=False)
    printed = capsys.readouterr().out.replace(" s ", "s ")
    assert said in printed
