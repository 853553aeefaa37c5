"""Every block of code in the documentation is executed, or says why it is not."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from tests.conftest import REPOSITORY
from tests.docs.blocks import Block, blocks_of, compare, execute
from tests.docs.pages import PAGES

from seedproof.tasks import load_task

ELSEWHERE = {
    "docs/doctor.md": "written by `python -m seedproof.doctor.explained`; tests/cli/test_doctor.py does it",
    "docs/miniature.md": "hours of pre-training and runs; tests/miniature/ has the parts",
    "docs/results.md": "hours of runs, on packages that are no part of this one and on GLUE's files",
    "docs/reproduction.md": "hours of runs; tests/paper/ has the parts",
    "docs/history/2026-11-23-miniature.md": "as it was on that day",
    "docs/history/2026-11-23-reproduction.md": "as it was on that day",
}
"""Pages without marks of their own: generated ones, and results with the commands that made them."""

LONG = ("add-method", "add-task", "fit", "index", "paper", "race", "trackers")
"""Pages whose code trains for three quarters of a minute and more."""


def executed(page: str) -> list[Block]:
    """The blocks that the page's test executes."""
    if page in ELSEWHERE:
        return []
    return [block for block in blocks_of((REPOSITORY / page).read_text(encoding="utf-8")) if not block.is_left_out]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder of somebody who reads a page: tables of their own, and the benchmarks of the clone."""
    sentences, pairs = (load_task(f"miniature/{name}").train for name in ("acceptability", "entailment"))
    reviews = pd.DataFrame({"review": sentences.texts, "stars": np.array(["bad", "good"])[sentences.labels]})
    answers = pd.DataFrame(
        {"question": pairs.texts, "passage": pairs.pairs, "answer": np.array(["yes", "no"])[pairs.labels]}
    )
    reviews.head(80).to_csv(tmp_path / "reviews.csv", index=False)
    answers.head(300).to_csv(tmp_path / "train.csv", index=False)
    answers.drop(columns="answer").tail(9).to_csv(tmp_path / "rows.csv", index=False)
    shutil.copytree(REPOSITORY / "benchmarks", tmp_path / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def is_quick(block: Block) -> bool:
    """Whether the block is examples alone."""
    return block.code.startswith(">>> ")


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_quick, executed(page)))])
def test_the_examples_of_a_page_print_what_stands_there(page):
    names = {}
    for block in filter(is_quick, executed(page)):
        compare(block.small(), names, f"{page}, line {block.line}")


def with_marks(page: str) -> object:
    """The page as a parameter; ``make test`` leaves out those that take long."""
    return pytest.param(page, marks=pytest.mark.long if page in [f"docs/{name}.md" for name in LONG] else ())


@pytest.mark.slow
@pytest.mark.parametrize("page", [with_marks(page) for page in PAGES if not all(map(is_quick, executed(page)))])
def test_the_code_of_a_page_runs(page, folder):
    execute(executed(page), folder, {})


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
def test_every_mark_can_be_read_and_names_what_is_there(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    blocks = blocks_of(text)
    assert len(re.findall(r"<!-- (?:not )?executed", text)) == sum(len(block.marks) for block in blocks)
    for block in blocks:
        if not block.is_left_out:
            block.small()
        for path in re.findall(r"tests/[\w/.]+", " ".join(block.marks)):
            assert (REPOSITORY / path).exists(), path


def test_a_block_is_told_from_what_is_printed():
    page = "    seedproof ls\n\n    tasks\n\n<!-- not executed: why -->\n```sh\nmake\n```\n\n```text\nout\n```\n"
    assert [(b.line, b.code, b.is_left_out) for b in blocks_of(page)] == [
        (1, "seedproof ls\n", False),
        (5, "make\n", True),
    ]


def test_a_mark_that_replaces_nothing_is_an_error():
    [block] = blocks_of("<!-- executed with `1` for `25` -->\n```sh\nls --seeds 2\n```\n")
    with pytest.raises(ValueError, match="replaces nothing"):
        block.small()


def test_an_example_that_prints_something_else_is_found():
    with pytest.raises(AssertionError, match="Expected"):
        compare(">>> 1 + 1\n3\n", {}, "here")
