"""The card in a fitted folder tells every seed, the data and the command."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_the_card_tells_the_distribution_and_not_one_number(fitted):
    _, _, body = (fitted.path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    for run in fitted.judgement.runs:
        assert f"| {run.seed} | {run.score:.3f} | {run.outcome}" in body
    assert "no\\|thanks" in body  # a class cannot break the confusion table
    assert fitted.told.task.fingerprint in body
    assert "cut at 64 tokens: 1 of the " in body
    assert "seedproof.fit(" in body
