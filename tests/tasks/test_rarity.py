"""Classes of which there are hardly any examples are said."""

from __future__ import annotations

from pathlib import Path

from tests.tasks.made import table

from seedproof.tasks import load_table


def test_three_examples_a_class_are_a_warning(tmp_path: Path) -> None:
    task = load_table(table(tmp_path, [f"text {i},{'abc'[i % 3]},d" for i in range(9)]), text="review", label="stars")
    assert task.notes[-1].startswith(
        "warning: 3 of 3 classes have fewer than 5 examples (training + development: a 2 + 1"
    )
