"""Errors that a user can act on.

Every mistake of a user (a wrong path, a missing column, an unknown name) is raised as :class:`UserError` with one
message that names the value, the place and the fix. The command line prints that message without a traceback and exits
with status 2. Everything else is a bug of ours, or a fault of the machine, and keeps its own type.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in what the user gave; the message says what, where and how to mend it."""


def command(*words: object) -> str:
    """A command of the program as messages show it: quoted for a shell.

    >>> print(command("study", "status", "out/my study"))
    seedproof study status 'out/my study'
    """
    return shlex.join(["seedproof", *map(str, words)])


def unknown(kind: str, value: object, allowed: Iterable[str], *, where: str = "") -> UserError:
    """Build the error for a name that is not one of ``allowed``: it names the nearest one and lists them all.

    >>> print(unknown("recipe", "delvin", ["devlin", "mosbach"]))
    unknown recipe 'delvin'; did you mean 'devlin'? (one of: devlin, mosbach)
    """
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    place = f" in {where}" if where else ""
    return UserError(f"unknown {kind} {value!r}{place}{hint} (one of: {', '.join(names)})")
