"""Docstrings, those below attributes and constants too, say something alone: none begins in the middle of a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import seedproof

PACKAGE = Path(seedproof.__file__).parent
FRAGMENTS = re.compile(
    r"(Against|And|As|At|Behind|Beside|Between|By|For|From|In|Into|Of|On|Or|Over|Per|That|To|Under|Until|Up|Upon|With|Within"
    r"|Without)\b"
)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.lineno, text


def fragments(source: str) -> list[int]:
    """Lines of the docstrings that begin with a preposition or a conjunction."""
    return sorted(line for line, text in docstrings(source) if FRAGMENTS.match(text.strip()))


def test_no_docstring_is_a_fragment():
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in fragments(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"begin these with their noun: {', '.join(found)}"


def test_a_fragment_is_found_wherever_it_stands():
    limit = 'LIMIT = 3\n"""Of a large file."""\n'
    point = 'class Point:\n    """A point."""\n\n    x: int\n    """By name."""\n\n    def far(self):\n        """For all."""\n'
    assert fragments(limit + point) == [2, 7, 10]
