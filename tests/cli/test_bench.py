"""``seedproof bench`` says how long it takes: beforehand as it was measured, afterwards as it was."""

from __future__ import annotations

from unittest import mock

from tests.cli.test_cli import command

from seedproof.cli.bench import QUICK


def test_the_time_is_said_before_and_after():
    assert QUICK in " ".join(command("bench", "--help").out.split())
    clock = iter([100.0, 249.0])
    with (
        mock.patch("seedproof.bench.bench.bench", return_value=mock.Mock()),
        mock.patch("seedproof.cli.bench.time.monotonic", side_effect=clock),
    ):
        outcome = command("bench", "--quick")
    assert outcome.code == 0, outcome.err
    assert outcome.err.splitlines()[-1] == "took 2 min"
