"""What a card says is to be expected: where a race has selected the runs, that."""

from __future__ import annotations

import pytest

import seedproof as sp

pytestmark = pytest.mark.slow


def test_the_card_of_a_race_says_that_its_runs_were_selected(table, tiny_model, options):
    out = table.parent / "raced" / "model"
    raced = sp.fit(table, model=tiny_model, out=out, race="3:2", progress=False, **options)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "3 runs were started, 1 stopped early, and 2 finished" in text
    assert "as the best of the 2 of 3 that a race let finish" in text
    assert "The 2 that finished score" in text
    assert "| stopped | by the race after step" in text
    assert (raced.numbers["started"], raced.numbers["stopped"]) == (3, 1)
