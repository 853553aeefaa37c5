"""A Python script, read without running it: its calls in the order in which they happen, with the values that can be read.

Functions are followed where they are called; all branches are read, and what they leave otherwise (a name, an attribute, an
entry of a dictionary, what a function returns) has no value. The body of a loop is read once, and what it changes from turn to
turn has none either. A function that something else calls (``model_init``, what is given to ``Dataset.map``) is read on its own,
and the order of its calls among the others is not known.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedproof.doctor.base import Place
from seedproof.doctor.sources.literals import Call
from seedproof.doctor.sources.walk import Walk
from seedproof.errors import UserError

MOST_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Script:
    """The calls of a script."""

    path: Path
    calls: tuple[Call, ...]
    """Calls in the order in which they happen; behind them those whose order is not known."""

    def named(self, *names: str) -> list[Call]:
        """The calls whose name ends in one of these."""
        return [call for call in self.calls if call.last in names]

    def place(self, line: int) -> Place:
        """A line of the script."""
        return Place(str(self.path), self.path, line)


def read_script(path: Path, given: Mapping[str, Any] | None = None) -> Script:
    """Read a script.

    Args:
        path: of the Python file.
        given: values of the arguments that it is called with, by name; they win over the defaults of ``argparse``.

    Raises:
        UserError: it cannot be read, or is no Python.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path} has {path.stat().st_size:,} bytes, too many for a script; give the script itself")
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: no Python that this version reads ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        raise UserError(f"{path} cannot be read as Python ({error})") from None
    walk = Walk(given or {})
    try:
        walk.module(tree)
    except RecursionError:
        raise UserError(f"{path} is nested too deeply to be read") from None
    return Script(path, tuple(walk.calls))
