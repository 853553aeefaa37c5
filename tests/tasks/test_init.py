"""The one entrance: which source a name means, and that options never go unused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seedproof.errors import UserError
from seedproof.tasks import TASKS, load_task


def test_names() -> None:
    """The thirteen names that the documentation lists."""
    glue = ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli"]
    miniature = ["acceptability", "paraphrase", "entailment", "answer"]
    assert list(TASKS) == [f"glue/{name}" for name in glue] + [f"miniature/{name}" for name in miniature]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("glue/rt", {}, "unknown task 'glue/rt'; did you mean 'glue/rte'"),
        ("miniature/answers", {}, "did you mean 'miniature/answer'"),
        ("rte", {}, "unknown task 'rte'.*for your own data give the path of a file"),
        ("nowhere/data.csv", {"text": "a", "label": "b"}, "there is no file nowhere/data.csv"),
        ("data.xlsx", {}, "there is no file data.xlsx"),
        ("glue/rte", {"text": "sentence1"}, "option 'text' does not apply to task 'glue/rte'"),
        ("glue/rte", {"split_seed": 0}, "option 'split_seed' does not apply"),
        ("miniature/answer", {"dev": "dev.csv"}, "option 'dev' does not apply to task 'miniature/answer'"),
    ],
)
def test_mistakes(source: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task(source, **options)


def test_a_table_by_path(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"text {index},{index % 2}\n" for index in range(20)))
    task = load_task(str(path), text="a", label="b", split_seed=3, name="mine")
    assert (task.name, len(task.train), len(task.dev)) == ("mine", 16, 4)
    assert "split_seed=3" in task.notes[-1]


def test_import_is_light() -> None:
    """`seedproof --help` lists tasks: that must not load the large libraries."""
    heavy = "{'torch', 'transformers', 'pandas', 'pyarrow', 'datasets', 'scipy'}"
    code = f"import sys, seedproof.tasks; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
