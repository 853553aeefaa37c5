"""CSV that a spreadsheet shows and does not run, and that reads back as it was."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedproof
from seedproof.store import read_table, table_text, write_table

TEXTS = ["=HYPERLINK(1)", "+1+1", "-x", "@SUM(1)", "\tx", "'=x", "''@", "plain", "'quoted'", "–", "a=b", None]


@pytest.mark.newest
def test_what_would_run_is_text_and_comes_back(tmp_path):
    """No cell of a text begins a formula; the table that is read is the one that was written."""
    table = pd.DataFrame({"=name": TEXTS, "number": np.linspace(-1, 1, len(TEXTS))})
    write_table(tmp_path / "a.csv", table)
    cells = [cell for row in csv.reader(io.StringIO((tmp_path / "a.csv").read_text())) for cell in row]
    running = [cell for cell in cells if re.match(r"[=+@\t-]", cell)]
    assert [float(cell) < 0 for cell in running] == [True] * 6  # negative numbers alone
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv"), table)


def test_names_that_mean_nothing_elsewhere_come_back(tmp_path):
    """pandas takes these for missing; a class, a task or a recipe may be called so. Missing are empty cells alone."""
    names = ["NA", "null", "None", "nan", "N/A", "NULL", "n/a", "#N/A", None]
    table = pd.DataFrame({"task": names, "score": [0.5, math.nan, math.inf, *range(6)]})
    write_table(tmp_path / "a.csv", table)
    read = read_table(tmp_path / "a.csv")
    assert read["task"].tolist()[:-1] == names[:-1]
    assert pd.isna(read["task"].iloc[-1])
    assert read["score"].dtype == float
    assert np.array_equal(read["score"], table["score"], equal_nan=True)


@pytest.mark.parametrize("cell", ["-0.25", "-1", "+5e-3", "-0.1 0.2 -inf", "-inf"])
def test_numbers_stay_numbers(cell):
    assert table_text(pd.DataFrame({"a": [cell]})) == f"a\n{cell}\n"


def test_every_table_of_the_package_is_written_here():
    """Nothing else calls pandas' own writer."""
    package = Path(seedproof.__file__).parent
    writers = re.compile(r"(?<!\btables)\.to_csv\(")  # report.tables has a function of that name
    found = [str(path.relative_to(package)) for path in package.rglob("*.py") if writers.search(path.read_text())]
    assert found == ["store/tables.py"]
