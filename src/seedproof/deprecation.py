"""Names that were replaced: an old one works for one version more, with a warning that names the new one.

``docs/stability.md`` says which names are promised; what was stored under an old one is read for good, without a warning.
"""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import NamedTuple


class DeprecatedName(FutureWarning):
    """A name that the next version does without; Python shows it once for each line that uses the name."""


class Renamed(NamedTuple):
    """What has taken the place of a name."""

    new: str
    """The name to use, as a user writes it."""
    since: str
    """The version in which the old name began to warn, e.g. ``"0.2"``; the next one does without it."""


def warn_renamed(old: str, new: str, *, since: str) -> None:
    """Warn, at the line of the user's code that led here, that another name has taken the place of one.

    Args:
        old: the name as the user wrote it.
        new: the name to use.
        since: the version in which the old name began to warn, e.g. ``"0.2"``.
    """
    message = f"{old} is deprecated since seedproof {since} and goes with the next version; use {new}"
    user = _nearest_frame_of_others()
    shown = user.f_globals.setdefault("__warningregistry__", {})
    module = user.f_globals.get("__name__")
    warnings.warn_explicit(message, DeprecatedName, user.f_code.co_filename, user.f_lineno, module, shown)


def _nearest_frame_of_others() -> FrameType:
    """The innermost call from outside of this package (and of the import system, which looks names up too)."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("seedproof", "importlib")
