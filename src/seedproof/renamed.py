"""Names that have changed: stored under the former one as before, and taken from users with a warning for one version.

A run's id hashes the fields of its recipe by name, so canonical JSON keeps the former names for good. Whoever writes one, in
Python, in a study file or on a command line, is told the name of today.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from seedproof.deprecation import warn_renamed

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "warmup_ratio": "warmup",
        "max_grad_norm": "clip_norm",
        "initializer_range": "head_std",
        "dropout_scope": "dropout_places",
    }
)
"""Fields of recipes by today's name, with the name that stored recipes have for them."""
FORMER: Mapping[str, str] = MappingProxyType({former: name for name, former in FIELDS.items()})
"""The same, by the former name."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def as_stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field under the names that stored recipes have for them."""
    return {FIELDS.get(name, name): value for name, value in values.items()}


def from_stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field under today's names, whether they are stored under these or the former ones."""
    return {FORMER.get(name, name): value for name, value in values.items()}


def of_today(name: str, former: Mapping[str, str] = FORMER) -> str:
    """Today's name of what a user calls ``name``; warns where that is a former one.

    Args:
        name: as it was written.
        former: today's names by the former ones.
    """
    if name not in former:
        return name
    warn_renamed(name, former[name], since="0.1")
    return former[name]


def taken(values: Mapping[str, Any], former: Mapping[str, str] = FORMER) -> dict[str, Any]:
    """What a user gave by name, under today's names; what is given under a former name wins."""
    today = {name: value for name, value in values.items() if name not in former}
    return today | {of_today(name, former): value for name, value in values.items() if name in former}


def takes_former_names(former: Mapping[str, str]) -> Callable[[_Function], _Function]:
    """Let a function take keywords by their former names.

    Args:
        former: today's names by the former ones.
    """

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def called(*arguments: Any, **keywords: Any) -> Any:
            return function(*arguments, **taken(keywords, former))

        return called  # type: ignore[return-value]

    return decorate
