"""The data flows one way: the contracts of .importlinter hold, in CI too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

from tests.conftest import REPOSITORY

from seedproof.methods import METHODS

NAME_NO_METHOD = ("training", "execution", "launch", "study", "models")
EFFECTS = {"tensor_clip"}
"""Effects that are named like the method that has them alone."""


def test_import_contracts():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout


def words(tree: ast.AST) -> Iterator[str]:
    """Names, attributes, imported modules and whole texts of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")
        for field in ("id", "attr", "name", "arg"):
            if isinstance(value := getattr(node, field, None), str):
                yield value


def test_engines_launchers_and_planning_name_no_particular_method():
    """A new method is its file and its line in the list: nothing else knows it."""
    names = {*METHODS, *(kind.__name__ for kind in METHODS.values())} - EFFECTS
    source = REPOSITORY / "src" / "seedproof"
    found = [
        f"{path.relative_to(source)}: {word}"
        for folder in NAME_NO_METHOD
        for path in (source / folder).rglob("*.py")
        for word in words(ast.parse(path.read_text(encoding="utf-8")))
        if word in names
    ]
    assert not found
