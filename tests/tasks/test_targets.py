"""A target is a finite number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.tasks.made import load, save, with_labels

from seedproof.errors import UserError


@pytest.mark.parametrize(("label", "message"), [(float("inf"), "is not finite"), ("1e999", "is not finite")])
def test_targets_that_are_not_finite(tmp_path: Path, label: Any, message: str) -> None:
    records = [{"review": "x", "stars": value} for value in [0.5, 1.5, label]]
    with pytest.raises(UserError, match=rf"row 3: target .* in column 'stars' {message}"):
        load(save(tmp_path / "t.jsonl", records))


def test_a_target_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"row 4: target 'much' in column 'stars' is not a number"):
        with_labels(tmp_path / "t.csv", ["0.5", "1.5", "much"], kind="regression")
