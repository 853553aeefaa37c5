"""Expressions of a script: their values, as far as they can be read, and the calls in them."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from seedproof.doctor.sources.changes import NO_METHOD, Changes, item
from seedproof.doctor.sources.literals import (
    OPEN,
    Call,
    Each,
    Named,
    Unread,
    alternatives,
    binary,
    built_in,
    merged,
    spread,
)

Names = dict[str, Any]
PARSING = ("parse_args", "parse_known_args", "parse_args_into_dataclasses")
"""Methods that give what stands on the command line."""


class Expressions(ABC):
    """Values of expressions; ``calls`` has what was called, in its order."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.calls: list[Call] = []
        self.changes = Changes()
        self._given = given
        self._inside: list[str] = []
        self._loops: list[int] = []
        self._reached = True

    @abstractmethod
    def bind(self, target: ast.expr, value: Any, names: Names) -> None:
        """Give a target a value."""

    @abstractmethod
    def made(self, call: Call, names: Names) -> Any:
        """What a call gives."""

    def value(self, node: ast.expr, names: Names) -> Any:
        """The value of an expression, as far as it can be read; the calls in it are noted."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return names.get(node.id, Named(node.id))
            case ast.Attribute():
                return self._attribute(node, names)
            case ast.Subscript():
                found = item(self.value(node.value, names), self.value(node.slice, names))
                return unread(node) if isinstance(found, Unread) and not found.line else found
            case ast.Call():
                return self._call(node, names)
            case ast.List():
                return [self.value(each, names) for each in node.elts]
            case ast.Tuple() | ast.Set():
                return tuple(self.value(each, names) for each in node.elts)
            case ast.Dict():
                return self._dictionary(node, names)
            case ast.UnaryOp():
                value = self.value(node.operand, names)
                if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
                    return -value
                return not value if isinstance(node.op, ast.Not) and isinstance(value, bool) else unread(node)
            case ast.BinOp():
                value = binary(node.op, self.value(node.left, names), self.value(node.right, names))
                return unread(node) if value is None else value
            case ast.IfExp():
                return self._either(node, names)
            case ast.NamedExpr():
                value = self.value(node.value, names)
                self.bind(node.target, value, names)
                return value
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, names)
            case ast.Lambda():
                return self._later(node, names)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, names)
        return unread(node)

    def _dictionary(self, node: ast.Dict, names: Names) -> Any:
        found: dict[Any, Any] = {}
        for key, each in zip(node.keys, node.values, strict=True):
            name = None if key is None else self.value(key, names)
            value = self.value(each, names)
            if key is None:
                found = spread(found, value)
            elif isinstance(name, (str, int)):
                found[name] = value
            else:
                found = spread(found, None)
        return found

    def _either(self, node: ast.IfExp, names: Names) -> Any:
        test = self.value(node.test, names)
        if isinstance(test, bool):
            return self.value(node.body if test else node.orelse, names)
        values = [self.value(node.body, names), self.value(node.orelse, names)]
        return merged(values, ast.unparse(node)[:60], node.lineno)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, names: Names) -> Any:
        inner, loops = dict(names), len(self._loops)
        for generator in node.generators:
            values = self.value(generator.iter, names)
            self.bind(generator.target, one_of(values, generator.target), inner)
            self._repeat(values, node)
            for condition in generator.ifs:
                self.value(condition, inner)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        read = [self.value(part, inner) for part in parts]
        del self._loops[loops:]
        is_plain = isinstance(node, ast.ListComp) and len(node.generators) == 1 and not node.generators[0].ifs
        return [*read[0].values] if is_plain and isinstance(read[0], Each) else unread(node)

    def _repeat(self, values: Any, node: ast.stmt | ast.expr) -> None:
        """Note a loop over values, until the caller takes it away; one over a single value repeats nothing."""
        if not (isinstance(values, (tuple, list)) and len(values) == 1):
            self._loops.append(node.lineno)

    def _later(self, node: ast.Lambda, names: Names) -> Any:
        """A function that something else calls, at a time that is not known."""
        own = {each.arg: Unread(each.arg, node.lineno) for each in parameters(node.args)}
        reached, self._reached = self._reached, False
        self.value(node.body, {**names, **own})
        self._reached = reached
        return unread(node)

    def _attribute(self, node: ast.Attribute, names: Names) -> Any:
        owner = self.value(node.value, names)
        if isinstance(owner, Named):
            return Named(f"{owner.text}.{node.attr}")
        if isinstance(owner, Call) and owner.last in PARSING:
            return owner.keywords[node.attr] if node.attr in owner.keywords else self._of_command_line(node)
        if isinstance(owner, Call) and owner.last.endswith("Arguments"):
            return owner.keywords.get(node.attr, unread(node))
        return unread(node)

    def _of_command_line(self, node: ast.Attribute) -> Any:
        """The value of an argument of ``argparse``: what the script is called with, by any of its names, else its default."""
        for call in self.calls:
            options = [str(each).lstrip("-").replace("-", "_") for each in call.positional if isinstance(each, str)]
            if call.last == "add_argument" and (node.attr in options or call.keywords.get("dest") == node.attr):
                given = next((self._given[each] for each in (*options, node.attr) if each in self._given), None)
                return call.keywords.get("default", unread(node)) if given is None else given
        return self._given.get(node.attr, unread(node))

    def _call(self, node: ast.Call, names: Names) -> Any:
        function = node.func
        base = self.value(function.value, names) if isinstance(function, ast.Attribute) else None
        called = (
            self.value(function, names) if not isinstance(function, ast.Attribute) else self._method(base, function)
        )
        name = called.text if isinstance(called, Named) else ast.unparse(function)
        given, keywords = self._given_to(node, names)
        if isinstance(function, ast.Attribute) and isinstance(base, (dict, list)):
            result = self.changes.method(base, function.attr, given, keywords, repeated=bool(self._loops))
            if result is not NO_METHOD:
                return unread(node) if isinstance(result, Unread) else result
        if name == "dict" and len(given) <= 1:
            return spread(spread({}, given[0]) if given else {}, keywords)
        if name == "setattr" and len(given) == 3:
            for owner in alternatives(given[0]):
                self.changes.put(owner.keywords if isinstance(owner, Call) else owner, given[1], given[2])
        if (known := built_in(name, given)) is not None:
            return known
        inside, loops = (self._inside or [""])[-1], tuple(self._loops)
        call = Call(name, node.lineno, given, keywords, base, self._reached, inside, loops)
        self.calls.append(call)
        return self.made(call, names)

    def _given_to(self, node: ast.Call, names: Names) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call; those behind a ``*`` that cannot be read are open, and so are the positions behind it."""
        given: list[Any] = []
        keywords: dict[str, Any] = {}
        for each in node.args:
            value = self.value(each.value if isinstance(each, ast.Starred) else each, names)
            if isinstance(each, ast.Starred) and not isinstance(value, (tuple, list)):
                keywords[OPEN] = unread(each)
            if OPEN not in keywords:
                given += [*value] if isinstance(each, ast.Starred) else [value]
        more: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, names)
            if keyword.arg is None:  # Python refuses a name that is given twice, so nothing is written over
                more = {**more, **(value if isinstance(value, dict) else {OPEN: unread(keyword.value)})}
            else:
                keywords[keyword.arg] = value
        return given, {**{str(name): value for name, value in more.items()}, **keywords}

    def _method(self, base: Any, function: ast.Attribute) -> Any:
        return Named(f"{base.text}.{function.attr}") if isinstance(base, Named) else None


def one_of(values: Any, target: ast.expr) -> Any:
    """The variable of a loop over values."""
    return Each(tuple(values)) if isinstance(values, (tuple, list)) and values else unread(target)


def parameters(own: ast.arguments) -> list[ast.arg]:
    """All parameters of a function."""
    more = [each for each in (own.vararg, own.kwarg) if each is not None]
    return [*own.posonlyargs, *own.args, *own.kwonlyargs, *more]


def unread(node: ast.AST) -> Unread:
    """The value of an expression that cannot be read, in its own words."""
    return Unread(ast.unparse(node)[:60], getattr(node, "lineno", 0))
