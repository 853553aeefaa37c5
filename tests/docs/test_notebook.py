"""The notebook runs in a fresh kernel, and is committed with what it printed."""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from nbclient import NotebookClient
from tests.conftest import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
_MARK = re.compile(r"<!-- executed with `(.*)` for `(.+)` -->")


def in_small(cells):
    """The cells, with what the marks of the text above them say replaced."""
    marks = []
    for cell in cells:
        if cell.cell_type == "markdown":
            marks = _MARK.findall(cell.source)
            continue
        for small, large in marks:
            assert large in cell.source, large
            cell.source = cell.source.replace(large, small)
        marks = []
    return cells


@pytest.mark.slow
@pytest.mark.filterwarnings("default::DeprecationWarning", "default::ResourceWarning")
@notebooks
def test_every_cell_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    in_small(notebook.cells)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()


@notebooks
def test_what_it_printed_is_kept_and_says_nothing_of_the_machine(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run all cells in their order"
    outputs = [output for cell in code for output in cell["outputs"]]
    assert outputs
    assert not [output for output in outputs if output["output_type"] == "error"]
    said = json.dumps([output for output in outputs if "image/png" not in output.get("data", {})])
    assert not re.search(r"(?<![\w.])/(?:home|root|work|tmp)/\w", said)
    assert notebook["metadata"].keys() <= {"kernelspec", "language_info"}
