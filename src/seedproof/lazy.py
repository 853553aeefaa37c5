"""Names of a package that load their module when they are first used: importing the package costs nothing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from seedproof.deprecation import Renamed, warn_renamed


def named(home: str) -> Any:
    """The class or function that ``module:name`` names; imports the module.

    >>> named("seedproof.spec:Seeds").__name__
    'Seeds'
    """
    module, _, name = home.partition(":")
    return getattr(importlib.import_module(module), name)


def lazy(
    package: str, homes: Mapping[str, str], renamed: Mapping[str, Renamed] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Args:
        package: its ``__name__``.
        homes: the module below the package that each name is defined in.
        renamed: for each old name that still works, with a warning, the one of ``homes`` that has taken its place.
    """

    def find(name: str) -> Any:
        if renamed and name in renamed:
            new, since = renamed[name]
            warn_renamed(f"{package}.{name}", f"{package}.{new}", since=since)
            return find(new)
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(homes)
