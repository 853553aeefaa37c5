"""The docstrings of the package as Markdown: roles of reStructuredText become code, examples become blocks of code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):`~?([\w.]+)`")
EXAMPLE = re.compile(r"((?:^|\n)>>> .*(?:\n.+)*)")
LITERAL = re.compile(r"::\n\n((?:    .*\n|\n)+)")


def as_markdown(text: str) -> str:
    """A docstring in which nothing is left that Markdown would show as it is typed."""
    text = LITERAL.sub(lambda found: ":\n\n" + found[1], text + "\n").rstrip("\n")
    return EXAMPLE.sub(r"\n```pycon\1\n```\n", ROLE.sub(r"`\1`", text))


class Docstrings(Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called with each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
