"""The code blocks of a page, and how they are executed: in an empty folder, one after another.

A comment that does not show, right above a block, says what is special about it:

    <!-- executed with `--seeds 2` for `--seeds 25` -->     in small; several may stand there
    <!-- executed by tests/test_extend.py -->               elsewhere
    <!-- not executed: needs a cluster -->                  nowhere, and why
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r"(?P<marks>(?:^<!--[^\n]*-->\n+)*)(?:^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?P<indented>(?:^    [^\n]*\n)+))",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (not executed: .+|executed by .+|executed with .+) -->")
_REPLACED = re.compile(r"executed with `(.*)` for `(.+)`")
PROGRAMS = ("GLUE_DATA=", "flock ", "for ", "make ", "mkdocs ", "pip ", "python ", "seedproof ")
"""What an indented block that is code begins with; others show what is printed, or a list of files."""


@dataclass(frozen=True)
class Block:
    """A block of code."""

    line: int
    """Its number in the page, from 1."""
    language: str
    code: str
    marks: tuple[str, ...]

    @property
    def is_left_out(self) -> bool:
        """Whether a mark says that the page's test does not execute it."""
        return any(mark.startswith(("not executed: ", "executed by ")) for mark in self.marks)

    def small(self) -> str:
        """The code as it is executed.

        Raises:
            ValueError: it has nothing of what a mark replaces, or a mark cannot be read.
        """
        code = self.code
        for mark in self.marks:
            found = _REPLACED.fullmatch(mark)
            if not found or found[2] not in code:
                raise ValueError(f"line {self.line}: {mark!r} replaces nothing")
            code = code.replace(found[2], found[1])
        return code


def blocks_of(text: str) -> list[Block]:
    """The blocks of code of a page, in their order; blocks of output, tables and trees are none."""
    found = []
    for match in _BLOCK.finditer(text):
        code, language = match["fenced"] or "", match["language"]
        if match["indented"]:
            code, language = re.sub(r"^    ", "", match["indented"], flags=re.MULTILINE), "sh"
            if not code.startswith(PROGRAMS):
                continue
        if language not in ("", "text"):
            marks = tuple(_MARK.findall(match["marks"]))
            found.append(Block(text.count("\n", 0, match.start()) + 1, language, code, marks))
    return found


def execute(blocks: list[Block], folder: Path, names: dict[str, Any]) -> None:
    """Execute blocks in ``folder``, which is the working folder of this process.

    Python that begins with ``# name.py`` is written as that file. Examples are compared with what they print. ``names`` are those
    that earlier blocks have defined.
    """
    for block in blocks:
        code, where = block.small(), f"line {block.line}"
        if name := re.match(r"# (\w+\.py)\n", code):
            (folder / name[1]).write_text(code, encoding="utf-8")
        elif block.language == "sh":
            shell(code, folder, where)
        elif code.startswith(">>> "):
            compare(code, names, where)
        else:
            exec(compile(code, where, "exec"), names)


def shell(code: str, folder: Path, where: str) -> None:
    """Run lines of a shell, with the programs of this environment; what fails is an error with all that was said."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c", code]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, f"{where}: {code}\n{done.stdout}\n{done.stderr}"


def compare(code: str, names: dict[str, Any], where: str) -> None:
    """Run examples, ``>>>``, and compare what they print with what stands there."""
    said: list[str] = []
    example = doctest.DocTestParser().get_doctest(code, names, where, where, 0)
    result = doctest.DocTestRunner().run(example, out=said.append, clear_globs=False)
    names.update(example.globs)
    assert not result.failed, "".join(said)
