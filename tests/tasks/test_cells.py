"""Cells that are missing name their row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tasks.made import bad_cell, load, save

from seedproof.errors import UserError


@pytest.mark.parametrize(
    ("extension", "row"), [("csv", "row 9"), ("tsv", "row 9"), ("jsonl", "row 8"), ("parquet", "row 8")]
)
def test_missing_cells_name_their_row(tmp_path: Path, extension: str, row: str) -> None:
    """Null, NaN and blank, for text and label."""
    path = tmp_path / f"t.{extension}"
    for column, what in [("review", "has no text"), ("stars", "has no label")]:
        for value in (None, "  "):
            with pytest.raises(UserError, match=rf"t\.{extension}, {row}: column '{column}' {what}"):
                load(save(path, bad_cell(column, value)))


@pytest.mark.parametrize("value", ["nan", "NaN"])
def test_a_label_that_spells_nan_is_missing(tmp_path: Path, value: str) -> None:
    """It is what a NaN becomes on its way through a CSV; the word stays allowed inside texts."""
    with pytest.raises(UserError, match="row 8: column 'stars' has no label"):
        load(save(tmp_path / "t.jsonl", bad_cell("stars", value)))
    assert load(save(tmp_path / "t.jsonl", bad_cell("review", value))).kind == "classification"


@pytest.mark.parametrize("column", ["review", "stars", "id"])
def test_half_of_a_surrogate_pair_is_named_with_its_row(tmp_path: Path, column: str) -> None:
    """JSON can escape one, where a text was cut within an emoji; nothing can write it, and so it ended as a bug of ours."""
    with pytest.raises(
        UserError, match=rf"t\.jsonl, row 8: column '{column}' has a lone surrogate, \\ud83d, at character 4"
    ):
        load(_escaped(tmp_path / "t.jsonl", bad_cell(column, "cut \ud83d")), id="id")
    with pytest.raises(UserError, match=r"row 8: column 'stars' has a lone surrogate"):
        load(_escaped(tmp_path / "t.jsonl", bad_cell("stars", "bad;\ud83d")), label_separator=";")


def _escaped(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, records)))
    return path
