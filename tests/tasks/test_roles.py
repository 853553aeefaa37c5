"""A column that is not there, or has two parts, is one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.tasks.made import RECORDS, load, save

from seedproof.errors import UserError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "reviews"}, r"no column 'reviews'; did you mean 'review'\? \(its columns: id, review, stars\)"),
        ({"label": "zzz"}, r"no column 'zzz' \(its columns: id, review, stars\)"),
        ({"text_pair": "star"}, "no column 'star'; did you mean 'stars'"),
        ({"text": None}, r"say which column holds the text, --text COLUMN \(its columns: id, review, stars\)"),
        ({"label": None}, "say which column holds the label"),
        ({"text_pair": "review"}, "must be different columns"),
        ({"label": "review"}, "must be different columns"),
        ({"split_seed": -1}, "split_seed must not be negative, found -1"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(save(tmp_path / "t.csv", RECORDS), **options)
