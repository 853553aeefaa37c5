"""What the command line says of numbers and sizes."""

from __future__ import annotations

import pytest

from seedproof.cli.quantities import disk_in_words, runs_in_words


@pytest.mark.parametrize(("count", "said"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (2500, "2,500 runs")])
def test_runs(count, said):
    assert runs_in_words(count) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 KiB"),
        (8_000, "8 KiB"),
        (2**20 - 1, "1 MiB"),
        (340 * 2**20, "340 MiB"),
        (2**30 - 1, "1.0 GiB"),
        (1.5 * 2**40, "1,536.0 GiB"),
    ],
)
def test_sizes_have_the_unit_that_leaves_a_number_to_read(size, said):
    assert disk_in_words(size) == said
