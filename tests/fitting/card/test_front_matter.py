"""The hub reads one number of a model; the spread behind it stands beside it."""

from __future__ import annotations

import pytest
import yaml

pytestmark = pytest.mark.slow


def test_the_one_number_is_what_to_expect_with_the_spread_beside_it(fitted):
    _, front, _ = (fitted.path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    [metric] = yaml.safe_load(front)["model-index"][0]["results"][0]["metrics"]
    numbers = fitted.numbers
    assert metric["value"] == pytest.approx(numbers["expected"], abs=1e-6)
    assert metric["args"]["sd"] == pytest.approx(numbers["sd"], abs=1e-6)
    assert (metric["args"]["runs"], metric["args"]["failed"]) == (3, numbers["failed"])
    assert str(fitted.path.parent.parent) not in front
