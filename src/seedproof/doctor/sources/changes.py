"""Changes of lists, dictionaries and keywords in place, which branches of a script leave otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seedproof.doctor.sources.literals import OPEN, Unread, is_literal, merged, spread

Thing = dict[Any, Any] | list[Any]
_MISSING = Unread("what is not set", 0)
NO_METHOD = object()
"""What :meth:`Changes.method` gives for a method that is none of a dictionary or list."""


class Changes:
    """Notes what things were before they are changed, so that one branch can be taken back before the other is read."""

    def __init__(self) -> None:
        self._open: list[dict[int, tuple[Thing, Thing]]] = []

    def begin(self) -> None:
        """Note from here on."""
        self._open.append({})

    def take_back(self) -> dict[int, tuple[Thing, Thing]]:
        """Put everything back as it was at :meth:`begin`; gives each changed thing with what it had become."""
        before = self._open.pop()
        after = {key: (thing, thing.copy()) for key, (thing, _) in before.items()}
        for thing, old in before.values():
            _fill(thing, old)
        return after

    def join(self, branches: Sequence[Mapping[int, tuple[Thing, Thing]]], line: int) -> None:
        """Give everything that a branch changed what all leave alike; the rest cannot be read."""
        for key, thing in {key: thing for branch in branches for key, (thing, _) in branch.items()}.items():
            left = [branch[key][1] if key in branch else thing for branch in branches]
            self.note(thing)
            _fill(thing, _joined(left, line))

    def note(self, thing: Thing) -> None:
        """Note what a thing is, before it is changed."""
        if self._open:
            self._open[-1].setdefault(id(thing), (thing, thing.copy()))

    def put(self, thing: Any, key: Any, value: Any) -> None:
        """``thing[key] = value``; with a key that cannot be read, nothing of the thing is known afterwards."""
        if not isinstance(thing, (dict, list)):
            return
        self.note(thing)
        is_key = isinstance(thing, dict) and isinstance(key, (str, int))
        is_place = isinstance(thing, list) and isinstance(key, int) and -len(thing) <= key < len(thing)
        if is_key or is_place:
            thing[key] = value
        else:
            self.spoil(thing)

    def drop(self, thing: Any, key: Any) -> Any:
        """``thing.pop(key)`` of a dictionary."""
        if not isinstance(thing, dict):
            return _MISSING
        self.note(thing)
        if not isinstance(key, (str, int)):
            self.spoil(thing)
        return thing.pop(key, _MISSING)

    def spoil(self, thing: Thing) -> None:
        """Nothing of the thing is known any more."""
        self.note(thing)
        unread = Unread("what was changed in a way that is not read", 0)
        _fill(thing, [unread] if isinstance(thing, list) else {**dict.fromkeys(thing, unread), OPEN: unread})

    def method(self, thing: Any, name: str, given: Sequence[Any], more: Mapping[str, Any], *, repeated: bool) -> Any:
        """What a method of a dictionary or a list gives, which may change it; :data:`NO_METHOD` for any other.

        Args:
            thing, name: whose method, and which.
            given, more: its arguments.
            repeated: whether it stands in a loop, of which a list would have to be changed once for each turn.
        """
        if isinstance(thing, dict) and name in _OF_DICTIONARIES:
            return self._of_dictionary(thing, name, given, more)
        if isinstance(thing, list) and name in _OF_LISTS:
            if repeated or more or not is_literal([*given]):
                self.spoil(thing)
                return _MISSING
            self.note(thing)
            try:
                return getattr(thing, name)(*given)
            except (TypeError, ValueError, IndexError):
                self.spoil(thing)
                return _MISSING
        return NO_METHOD

    def _of_dictionary(self, thing: dict[Any, Any], name: str, given: Sequence[Any], more: Mapping[str, Any]) -> Any:
        key, default = [*given, None, None][:2]
        if name == "update":
            self.note(thing)
            for part in (*given, more):
                _fill(thing, spread(thing, part))
            return None
        if name == "clear":
            self.note(thing)
            return thing.clear()
        if name == "copy":
            return dict(thing)
        if name in ("items", "keys", "values"):
            return _MISSING if OPEN in thing else tuple(getattr(thing, name)())
        value = item(thing, key)
        is_absent = value is _MISSING and OPEN not in thing
        if name == "pop":
            self.drop(thing, key)
        elif name == "setdefault" and value is _MISSING:
            self.put(thing, key, default if is_absent else _MISSING)
        return default if is_absent else value


_OF_DICTIONARIES = ("update", "clear", "copy", "items", "keys", "values", "get", "pop", "setdefault")
_OF_LISTS = ("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "copy")


def item(thing: Any, key: Any) -> Any:
    """``thing[key]``; a value that is not read where there is none or it cannot be told."""
    if isinstance(thing, dict) and isinstance(key, (str, int)):
        return thing.get(key, _MISSING)
    if isinstance(thing, (list, tuple)) and isinstance(key, int) and -len(thing) <= key < len(thing):
        return thing[key]
    return _MISSING


def _fill(thing: Thing, content: Any) -> None:
    copied = content.copy()
    thing.clear()
    thing.extend(copied) if isinstance(thing, list) else thing.update(copied)


def _joined(left: Sequence[Any], line: int) -> Thing:
    if isinstance(left[0], list):
        one = merged(left, "what a condition decides", line)
        return one.copy() if isinstance(one, list) else [one]
    keys = dict.fromkeys(key for each in left for key in each)
    return {
        key: merged([each.get(key, _MISSING) for each in left], f"{key}, which a condition decides", line)
        for key in keys
    }
