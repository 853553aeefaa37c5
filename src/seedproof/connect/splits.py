"""The development sets of a Trainer as evaluation splits of a task: which of them is ``dev``, and how the others are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seedproof.errors import UserError

_DEV = ("dev", "validation", "eval")
"""Names by which a development set among several is known as the one that judges."""


@dataclass(frozen=True, eq=False, kw_only=True)
class EvaluationSets:
    """The development sets of a Trainer."""

    sets: Mapping[str, Any]
    """The data set of each split, ``dev`` first."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The split of each set that the Trainer has by a name; empty where it has one set."""


def evaluation_sets(given: Any) -> EvaluationSets:
    """The splits of a Trainer's ``eval_dataset``.

    Raises:
        UserError: there is none.
    """
    if given is None or (isinstance(given, Mapping) and not given):
        raise UserError(
            "the Trainer has no eval_dataset, so nothing would say how its runs end; give it one, a fifth of the training set "
            "held out if there is no other"
        )
    if not isinstance(given, Mapping):
        return EvaluationSets(sets={"dev": given})
    names = split_names(given)
    return EvaluationSets(sets={split: given[name] for name, split in names.items()}, names=names)


def split_names(given: Iterable[str]) -> dict[str, str]:
    """The split of each of several development sets, ``dev`` first.

    That is the set called dev, validation or eval, else the first. No other is called ``dev`` or ``train``, and no two alike.

    >>> split_names(["test", "validation", "train", "Test"])
    {'validation': 'dev', 'test': 'test', 'train': 'eval_train', 'Test': 'test_2'}

    Args:
        given: names that the Trainer has for them, at least one.
    """
    cleaned = {name: _cleaned(name) for name in given}
    known = (name for wanted in _DEV for name, each in cleaned.items() if each == wanted)
    dev = next(known, next(iter(cleaned)))
    names = {dev: "dev"}
    for name in cleaned:
        if name != dev:
            names[name] = _free(cleaned[name], {"train", *names.values()})
    return names


def _cleaned(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", str(name).lower()).lstrip("_0123456789") or "other"


def _free(name: str, taken: set[str]) -> str:
    """A name that is not taken: the name itself, or one that comes of it."""
    if name in ("train", "dev"):
        name = f"eval_{name}"
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found
