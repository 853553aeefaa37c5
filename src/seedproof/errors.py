"""Errors that a user can act on.

Every mistake of a user (a wrong path, a missing column, an unknown name) is raised as :class:`UserError` with one
message that names the value, the place and the fix. The command line prints that message without a traceback and exits
with status 2. Everything else is a bug of ours, or a fault of the machine, and keeps its own type.
"""

from __future__ import annotations

import difflib
import errno
import shlex
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in what the user gave; the message says what, where and how to mend it."""


class Damaged(UserError):
    """A file that is not what was written.

    Args:
        what: the file and what is wrong with it, e.g. ``"x.json is damaged (it ends too early)"``.
        fix: what the user can do.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what


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
    inside = f" in {where}" if where else ""
    return UserError(f"unknown {kind} {value!r}{inside}{hint} (one of: {', '.join(names)})")


def hub_errors() -> tuple[type[Exception], ...]:
    """What huggingface_hub raises where the hub refuses or cannot be reached, the errors of its HTTP client included.

    The client has changed before (requests, httpx), so its errors are found as what the hub's own error is a kind of.
    """
    from huggingface_hub.errors import HfHubHTTPError

    kinds = (each for each in HfHubHTTPError.__mro__ if issubclass(each, Exception))
    return tuple(each for each in kinds if each is not Exception)


_OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "annot allocate memory",
    "can't allocate memory",
    "failed to map segment",
    "can't start new thread",
    "malloc of size",
    "bad_alloc",
    "OS error 12",
)
"""How libraries say that memory ended; those in C++ and Rust only quote the operating system."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory ended, in whatever words a library says so; the file or the code that met it has no fault then."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if not isinstance(error, UserError) and any(words in str(error) for words in _OUT_OF_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False
