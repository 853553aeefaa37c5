"""Names of a package that load their module when they are first used: importing the package costs nothing."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seedproof.deprecation import Renamed, warn_renamed

_IMPORT = re.compile(r"from ([\w.]+) import (\w+) as \2")


def named(home: str) -> Any:
    """The class or function that ``module:name`` names; imports the module.

    >>> named("seedproof.spec:Seeds").__name__
    'Seeds'
    """
    module, _, name = home.partition(":")
    return getattr(importlib.import_module(module), name)


def lazy(
    package: str, renamed: Mapping[str, Renamed] | None = None
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package (PEP 562) whose ``__init__.pyi`` lists its names.

    The stub is what type checkers and editors read, so a name stands in one list: ``from seedproof.spec import Seeds as Seeds``.

    Args:
        package: its ``__name__``.
        renamed: for each old name that still works, with a warning, the one that has taken its place.
    """
    homes = _listed(Path(str(sys.modules[package].__file__)).with_suffix(".pyi"))

    def find(name: str) -> Any:
        if renamed and name in renamed:
            new, since = renamed[name]
            warn_renamed(f"{package}.{name}", f"{package}.{new}", since=since)
            return find(new)
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return sorted(homes), find, lambda: sorted(homes)


def _listed(stub: Path) -> dict[str, str]:
    """The module of each name that a stub imports."""
    lines = stub.read_text(encoding="utf-8").splitlines()
    return {match[2]: match[1] for line in lines if (match := _IMPORT.fullmatch(line))}
