"""Values of expressions in a script, read without running it: literals, names that stand for one, and what they are not."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OPEN = "**"
"""Key of a dictionary, or of the keywords of a call, that has further entries, which cannot be read."""


@dataclass(frozen=True)
class Unread:
    """The value of an expression that only running it would tell."""

    text: str
    line: int
    among: tuple[Any, ...] = field(default=(), compare=False)
    """The values of which it is one, where branches leave different ones."""


@dataclass(frozen=True)
class Named:
    """A name from elsewhere: ``torch.bfloat16``, a function."""

    text: str


@dataclass(frozen=True)
class Each:
    """The variable of a loop: one of these values at a time."""

    values: tuple[Any, ...]


@dataclass(eq=False)
class Call:
    """A call in a script."""

    name: str
    """Dotted, as far as it can be read: ``AutoModel.from_pretrained``, ``torch.manual_seed``."""
    line: int
    positional: list[Any] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    """Arguments by name; :data:`OPEN` is among them where some, behind ``*`` or ``**``, cannot be read."""
    base: Any = None
    """What the method is called on."""
    reached: bool = True
    """Whether the order of this call among the others is known; False inside of a function that something else calls."""
    inside: str = ""
    """The function that it stands in; "" for the module."""
    loops: tuple[int, ...] = ()
    """Lines of the loops that it is repeated in, also those around the calls that lead to it."""
    is_own: bool = False
    """Whether the script defines what is called."""

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def is_open(self) -> bool:
        """Whether there are further arguments, behind ``*`` or ``**``, that cannot be read."""
        return OPEN in self.keywords

    def argument(self, name: str, position: int | None = None) -> Any:
        """An argument by its keyword, or by its position; None where it is not given."""
        if name in self.keywords:
            return self.keywords[name]
        return self.positional[position] if position is not None and position < len(self.positional) else None


_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_MOST_VALUES = 100_000


def binary(kind: ast.operator, left: Any, right: Any) -> Any:
    """The value of an operation on two numbers, of which one may be several in a loop; None where none is read here."""
    if isinstance(left, Each) != isinstance(right, Each):
        several, one = (left, right) if isinstance(left, Each) else (right, left)
        pairs = [(each, one) if several is left else (one, each) for each in several.values]
        values = tuple(binary(kind, *pair) for pair in pairs)
        return None if None in values else Each(values)
    if isinstance(kind, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return spread(left, right)
    numbers = all(isinstance(value, (int, float)) for value in (left, right))
    if not numbers or type(kind) not in _BINARY:
        return None
    try:
        return _BINARY[type(kind)](left, right)
    except (ArithmeticError, ValueError):
        return None


def spread(before: Mapping[Any, Any], more: Any) -> dict[Any, Any]:
    """``{**before, **more}``; where ``more`` cannot be read, it may have changed what was there before."""
    if isinstance(more, dict) and OPEN not in more:
        return {**before, **more}
    unread = Unread("what comes from **", 0)
    own = more if isinstance(more, dict) else {}
    return {**dict.fromkeys(before, unread), **own, OPEN: unread}


def built_in(name: str, values: Sequence[Any]) -> Any:
    """The value of ``range``, ``list``, ``tuple``, ``int``, ``float`` and the like on literals; None for anything else."""
    if any(isinstance(value, (Unread, Named, Each, Call)) for value in values):
        return None
    try:
        if name == "range":
            numbers = range(*values)
            return tuple(numbers) if len(numbers) <= _MOST_VALUES else None
        if name in ("enumerate", "zip") and all(isinstance(value, (list, tuple)) for value in values[:1]):
            return tuple({"enumerate": enumerate, "zip": zip}[name](*values))
        if name in _COPYING and len(values) == 1:
            return _COPYING[name](values[0])
        if name in ("int", "float", "str", "bool") and len(values) == 1 and is_literal(values[0]):
            return {"int": int, "float": float, "str": str, "bool": bool}[name](values[0])
    except (TypeError, ValueError, OverflowError):
        return None
    return None


_COPYING: Mapping[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "sorted": sorted}


def is_literal(value: Any) -> bool:
    """Whether a value was read."""
    if isinstance(value, (list, tuple)):
        return all(map(is_literal, value))
    if isinstance(value, dict):
        return all(map(is_literal, value.values()))
    return not isinstance(value, (Unread, Named, Each, Call))


def words(value: Any) -> str:
    """A value for a message."""
    match value:
        case Unread() | Named():
            return value.text
        case Call():
            return f"{value.last}(...)"
        case Each():
            return several(value.values)
        case list() | tuple():
            return f"[{', '.join(map(words, value[:4]))}{', ...' if len(value) > 4 else ''}]"
        case _:
            return repr(value)[:40]


def several(values: Sequence[Any]) -> str:
    """Values in a row: ``16, 32``."""
    return ", ".join(map(words, values[:5])) + (", ..." if len(values) > 5 else "")


def merged(values: Sequence[Any], text: str, line: int) -> Any:
    """The value that all have, else one that is not read."""
    first = values[0]
    if all(value is first or value == first for value in values[1:]):
        return first
    among = tuple(part for value in values for part in alternatives(value))
    return Unread(text, line, among)


def alternatives(value: Any) -> tuple[Any, ...]:
    """The values of which a value is one."""
    return value.among if isinstance(value, Unread) and value.among else (value,)
