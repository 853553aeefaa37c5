"""The documentation: its examples name what exists, its numbers agree. Its links and its code: ``tests/docs/``."""

from __future__ import annotations

import ast
import re
import shlex

import pytest
import typer
from tests.conftest import REPOSITORY

import seedproof
from seedproof.analysis import chi_square_interval, t_interval
from seedproof.cli.app import app
from seedproof.cli.listing import KINDS

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_python_example_uses_public_names():
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    tree = ast.parse(code)
    names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "sp"
    }
    assert names >= {"Study", "recipe", "load_task"}
    assert names <= set(seedproof.__all__)


def commands() -> list[list[str]]:
    text = "\n".join(block for page in PAGES for block in indented(page.read_text(encoding="utf-8")))
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip().startswith("seedproof ")]


def indented(text: str) -> list[str]:
    """Code blocks, indented or fenced."""
    return re.findall(r"(?:^    .*\n?)+", text, re.MULTILINE) + re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)


def test_commands_in_the_documentation_exist():
    group = typer.main.get_command(app)
    assert len(commands()) >= 4
    for words in commands():
        command, rest = group, words[1 : words.index("--") if "--" in words else None]
        while getattr(command, "commands", None) and rest:
            command, rest = command.commands[rest[0]], rest[1:]
        known = {option for parameter in command.params for option in parameter.opts}
        unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in known]
        assert not unknown, f"{' '.join(words)}: {unknown}"


def test_the_readme_names_every_list():
    [kinds] = re.findall(r"`seedproof ls (\w+\|[\w|]+)`", README)
    assert tuple(kinds.split("|")) == KINDS


@pytest.mark.parametrize(
    "page", ["data-orders", "detector", "early", "fit", "miniature", "own-data", "performance", "results", "trainer"]
)
def test_what_the_package_lacks_is_said_to_be_in_a_clone(page):
    text = (REPOSITORY / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert "benchmarks/" in text
    assert re.search(r"\ba\s+clone\s+of\s+the\s+repository", text, re.IGNORECASE)


def test_nothing_speaks_of_the_machine_it_was_made_on():
    scripts = {REPOSITORY / "Makefile", REPOSITORY / ".ci" / "run"}
    assert all(path.is_file() for path in scripts)
    for path in REPOSITORY.rglob("*"):
        is_text = path in scripts or path.suffix in (".py", ".md", ".toml", ".json", ".sh", ".txt")
        if is_text and not {".venv", ".git", "out"} & set(path.parts):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(?<![\w.])/(?:home|root|work|tmp)/\w", text), path


def test_intervals_in_the_documentation_follow_from_the_values_under_them():
    """Mean and SD given success of every cell of the pages with results, whose runs are listed in three decimals."""
    checked = 0
    for name in ("results.md", "miniature.md", "history/2026-11-23-miniature.md"):
        text = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
        for table, listed in re.findall(
            r"((?:^\|.*\n)+)\n(?:(?:^\|.*\n)+\n)?Every run.*\n\n((?:^- .*\n)+)", text, re.MULTILINE
        ):
            rows = [
                re.findall(r"\[(-?[\d.]+), (-?[\d.]+)\]", row) for row in table.splitlines() if "that succeeded" in row
            ]
            for row, line in zip(rows, listed.splitlines(), strict=True):
                words = line.split(": ")[1].split(" (")[0].split()
                values = [float(word.rstrip("≈")) for word in words if not word.endswith("×")]
                expected = [*t_interval(values), *chi_square_interval(values)] if row else []
                ends = [float(end) for pair in row for end in pair]
                assert ends == pytest.approx(expected, abs=1e-3), line  # both rounded
                checked += bool(row)
    assert checked > 30
