"""The rules by which a table becomes a task, where there is a choice: a frozen value that is stored with the task.

What the rules decide (kind, names of the classes, the held-out rows) is in the task's fingerprint and so in the ids of
its runs. A study that is extended therefore reads its file by the rules of its stored task, whatever today's are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args, get_type_hints

from seedproof.errors import unknown

Quoting = Literal["standard", "none"]
"""``standard``: a field in double quotes may hold delimiters, line ends and doubled quotes. ``none``: a double quote is a
character like any other, as in GLUE's files."""


@dataclass(frozen=True, kw_only=True)
class Parsing:
    """Rules of parsing. The defaults are today's; what is absent in a stored task has the value of :data:`BEFORE`."""

    kind: Literal["values", "decimals"] = "values"
    """What makes a regression of a column of numbers: ``values``: fractions, or whole numbers of many values, and 1.0 is
    the class 1; ``decimals``: a decimal point or an exponent in any of them."""
    copies: Literal["together", "apart"] = "together"
    """Where the copies of a text go when rows are held out: all into one part, or each where it is drawn."""

    labels: Literal["checked", "any"] = "checked"
    """Whether a column that hardly holds labels is refused: numbers and words mixed, or fewer than two rows a class."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Rules as they are stored.

        Raises:
            UserError: a rule, or a value of one, that this version does not know.
        """
        rules = dataclasses.asdict(BEFORE) | dict(value)
        for name, chosen in rules.items():
            hints = get_type_hints(cls)
            if name not in hints:
                raise unknown("rule of parsing", name, hints)
            if chosen not in get_args(hints[name]):
                raise unknown(name, chosen, get_args(hints[name]), where="the rules of parsing")
        return cls(**rules)

    def differing(self) -> list[str]:
        """What differs from today's rules and may make another task, in words."""
        chosen = dataclasses.asdict(self)
        return [
            _WORDS[name, value]
            for name, value in chosen.items()
            if value != getattr(Parsing(), name) and (name, value) in _WORDS
        ]


_WORDS = {
    ("kind", "decimals"): "a decimal point in the labels makes a regression",
    ("copies", "apart"): "copies of a text may stand in both parts of a split",
}

BEFORE = Parsing(kind="decimals", copies="apart", labels="any")
"""The rules of the tasks that were stored before rules were."""


def check_quoting(quoting: str | None) -> Quoting:
    """The quoting that was asked for, ``standard`` where nothing was.

    Raises:
        UserError: an unknown one.
    """
    if quoting not in (None, *get_args(Quoting)):
        raise unknown("quoting", quoting, get_args(Quoting))
    return "none" if quoting == "none" else "standard"
