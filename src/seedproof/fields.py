"""The fields of a recipe as a user may set them: their types, ranges, and how they are written on a command line.

Everything is read from the annotations of the recipe's dataclass, so a new field or a new method needs nothing here:
``float``, ``int``, ``bool``, ``Literal[...]`` of strings, each possibly ``| None``, and numbers with their range as
``Annotated[float, Range(...)]``. A field that holds any name is a :data:`Name`; plain strings are labels.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from seedproof.errors import UserError, unknown

_UNSET = ("default", "none")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a name"}


@dataclass(frozen=True)
class Range:
    """Which numbers a field may hold; always finite."""

    low: float
    high: float = math.inf
    includes_low: bool = True
    """``high`` is never included."""

    def __contains__(self, value: float) -> bool:
        return (self.low <= value if self.includes_low else self.low < value) and value < self.high

    def __str__(self) -> str:
        low = f"{'of at least' if self.includes_low else 'above'} {self.low:g}"
        return low if self.high == math.inf else f"{low} and below {self.high:g}"


Positive = Annotated[float, Range(0.0, includes_low=False)]
NotNegative = Annotated[float, Range(0.0)]
Fraction = Annotated[float, Range(0.0, 1.0)]
Count = Annotated[int, Range(1)]
Name = Annotated[str, "name"]


@dataclass(frozen=True)
class FieldType:
    """What one field may hold."""

    base: type
    choices: tuple[str, ...] = ()
    optional: bool = False
    range: Range | None = None

    @property
    def expected(self) -> str:
        """The allowed values in words, for messages."""
        words = f"one of {', '.join(self.choices)}" if self.choices else _WORDS[self.base]
        words += f" {self.range}" if self.range else ""
        return f"{words}, or none for the default" if self.optional else words

    def check(self, name: str, value: object) -> Any:
        """The value as a plain Python object of this type (an int where a float is meant becomes a float).

        Raises:
            UserError: The value has another type, or is outside the range or the choices.
        """
        if value is None and self.optional:
            return None
        if self.choices:
            if value not in self.choices:
                raise unknown(f"value of {name}", value, self.choices)
            return value
        plain = _plain(self.base, value)
        if plain is None or (self.range is not None and float(plain) not in self.range):
            raise UserError(f"{name} = {value!r} is not valid; it must be {self.expected}")
        return plain

    def parse(self, name: str, text: str) -> Any:
        """Read what a user wrote; ``default`` (and ``none``, where it is not a choice) means None.

        Raises:
            UserError: The text does not name a valid value.
        """
        word = text.strip().lower()
        if self.choices and word in self.choices:
            return word
        if self.optional and word in _UNSET:
            return None
        return self.check(name, text if self.choices else _number(self.base, word, text))


@functools.cache
def field_types(recipe_class: type) -> dict[str, FieldType]:
    """The types of all annotated fields of a dataclass, by name."""
    hints = typing.get_type_hints(recipe_class, include_extras=True)
    names = [field.name for field in dataclasses.fields(recipe_class)]
    return {name: found for name in names if (found := _field_type(hints[name])) is not None}


def _field_type(hint: Any) -> FieldType | None:
    """Read one annotation; None for one that a user does not set (a label)."""
    members = typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    optional = type(None) in members
    (inner,) = [member for member in members if member is not type(None)]
    if typing.get_origin(inner) is Literal:
        return FieldType(str, choices=typing.get_args(inner), optional=optional)
    if inner == Name:
        return FieldType(str, optional=optional)
    limits = None
    if typing.get_origin(inner) is Annotated:
        inner, limits = typing.get_args(inner)
    return FieldType(inner, optional=optional, range=limits) if inner in _WORDS and inner is not str else None


def _plain(base: type, value: object) -> bool | int | float | str | None:
    """The value as a finite built-in bool, int or float (numpy's numbers too), or a name; None if it is not one."""
    if base is str:
        return value if isinstance(value, str) and value.strip() else None
    is_bool = isinstance(value, bool)
    if base is bool:
        return value if isinstance(value, bool) else None
    if base is int:
        return int(value) if isinstance(value, numbers.Integral) and not is_bool else None
    if is_bool or not isinstance(value, numbers.Real):
        return None
    return float(value) if math.isfinite(value) else None


def _number(base: type, word: str, text: str) -> object:
    """The number or truth value that ``word`` writes, else the text as it was, which no check accepts."""
    if base is str:
        return text.strip()
    if base is bool:
        return True if word in _TRUE else False if word in _FALSE else text
    try:
        return base(word)
    except ValueError:
        return text
