"""Values of expressions in a script, read without running it: literals, names that stand for one, and what they are not."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Unread:
    """The value of an expression that only running it would tell."""

    text: str
    line: int


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
    is_open: bool = False
    """Whether there are further arguments, behind ``*`` or ``**``, that cannot be read."""
    base: Any = None
    """What the method is called on."""
    reached: bool = True
    """Whether the order of this call among the others is known; False inside of a function that something else calls."""
    inside: str = ""
    """The function that it stands in; "" for the module."""

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

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
    """The value of an operation on two numbers; None where it has none that is read here."""
    numbers = all(isinstance(value, (int, float)) for value in (left, right))
    if not numbers or type(kind) not in _BINARY:
        return None
    try:
        return _BINARY[type(kind)](left, right)
    except (ArithmeticError, ValueError):
        return None


def built_in(name: str, values: Sequence[Any]) -> Any:
    """The value of ``range``, ``list``, ``tuple``, ``int``, ``float`` and the like on literals; None for anything else."""
    if any(isinstance(value, (Unread, Named, Each, Call)) for value in values):
        return None
    try:
        if name == "range":
            numbers = range(*values)
            return tuple(numbers) if len(numbers) <= _MOST_VALUES else None
        if name in ("list", "tuple", "sorted") and len(values) == 1:
            return tuple(sorted(values[0]) if name == "sorted" else values[0])
        if name in ("int", "float", "str", "bool") and len(values) == 1:
            return {"int": int, "float": float, "str": str, "bool": bool}[name](values[0])
    except (TypeError, ValueError, OverflowError):
        return None
    return None


def is_literal(value: Any) -> bool:
    """Whether a value was read."""
    if isinstance(value, (list, tuple)):
        return all(map(is_literal, value))
    if isinstance(value, dict):
        return all(map(is_literal, value.values()))
    return not isinstance(value, (Unread, Named, Each, Call))
