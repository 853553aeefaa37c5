"""The walk through a script's statements in the order in which they run, with what each name stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seedproof.doctor.sources.literals import Call, Each, Named, Unread, binary, built_in

_DEEPEST = 8
"""Calls in calls that are followed."""
_MOST_FOLLOWED = 20_000
"""Calls in all, after which no further function is followed: functions that call others twice double them at each depth."""
_Names = dict[str, Any]
_MISSING = object()


class Walk:
    """Reads statements in their order; ``calls`` has what was called."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.calls: list[Call] = []
        self._given = given
        self._functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self._followed: set[str] = set()
        self._inside: list[str] = []
        self._reached = True

    def module(self, tree: ast.Module) -> None:
        """Read a whole script: what runs, then the functions that nothing in it was seen to call."""
        names: _Names = {}
        self._block(tree.body, names)
        self._reached = False
        for function in _functions(tree):
            if function.name not in self._followed:
                own = {each.arg: Unread(each.arg, function.lineno) for each in _parameters(function)}
                self._follow(function, {**names, **own})

    def _block(self, statements: Sequence[ast.stmt], names: _Names) -> Any:
        """Read statements; the value of the last ``return`` among them, else None."""
        returned = None
        for statement in statements:
            value = self._statement(statement, names)
            returned = value if value is not None else returned
        return returned

    def _statement(self, statement: ast.stmt, names: _Names) -> Any:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._functions[statement.name] = statement
                names[statement.name] = Named(statement.name)
            case ast.Import():
                for alias in statement.names:
                    names[alias.asname or alias.name.partition(".")[0]] = Named(
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            case ast.ImportFrom():
                for alias in statement.names:
                    names[alias.asname or alias.name] = Named(alias.name)
            case ast.Assign():
                value = self.value(statement.value, names)
                for target in statement.targets:
                    self._bind(target, value, names)
            case ast.AnnAssign(value=ast.expr() as expression):
                self._bind(statement.target, self.value(expression, names), names)
            case ast.AugAssign():
                left, right = self.value(statement.target, names), self.value(statement.value, names)
                changed = binary(statement.op, left, right)
                self._bind(statement.target, _unread(statement) if changed is None else changed, names)
            case ast.Return(value=ast.expr() as expression):
                return self.value(expression, names)
            case ast.If():
                return self._branches(statement, names)
            case ast.For() | ast.AsyncFor():
                values = self.value(statement.iter, names)
                one = Each(tuple(values)) if isinstance(values, (tuple, list)) else _unread(statement.target)
                self._bind(statement.target, one, names)
                return self._block([*statement.body, *statement.orelse], names)
            case ast.While():
                self.value(statement.test, names)
                return self._block([*statement.body, *statement.orelse], names)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    value = self.value(item.context_expr, names)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, value, names)
                return self._block(statement.body, names)
            case ast.Try() | ast.TryStar():
                handlers = [each for handler in statement.handlers for each in handler.body]
                return self._block([*statement.body, *handlers, *statement.orelse, *statement.finalbody], names)
            case ast.Expr():
                self.value(statement.value, names)
        return None

    def _branches(self, statement: ast.If, names: _Names) -> Any:
        """Read both branches; what they leave with different values has none afterwards."""
        self.value(statement.test, names)
        if "__name__" in ast.unparse(statement.test):
            return self._block(statement.body, names)
        first, second = dict(names), dict(names)
        returned = [self._block(statement.body, first), self._block(statement.orelse, second)]
        for name in {*first, *second}:
            one, other = first.get(name, _MISSING), second.get(name, _MISSING)
            if one is other or one == other:
                names[name] = one
            elif _MISSING in (one, other):
                names[name] = other if one is _MISSING else one  # where it is not made, nothing uses it
            else:
                names[name] = Unread(f"{name}, which a condition decides", statement.lineno)
        return next((value for value in returned if value is not None), None)

    def _bind(self, target: ast.expr, value: Any, names: _Names) -> None:
        match target:
            case ast.Name():
                names[target.id] = value
            case ast.Tuple() | ast.List():
                parts = value if isinstance(value, (tuple, list)) and len(value) == len(target.elts) else None
                for index, each in enumerate(target.elts):
                    self._bind(each, _unread(each) if parts is None else parts[index], names)
            case ast.Attribute():
                owner = self.value(target.value, names)
                if isinstance(owner, Call):
                    owner.keywords[target.attr] = value  # args.learning_rate = 1e-4

    def value(self, node: ast.expr, names: _Names) -> Any:
        """The value of an expression, as far as it can be read; the calls in it are noted."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return names.get(node.id, Named(node.id))
            case ast.Attribute():
                return self._attribute(node, names)
            case ast.Call():
                return self._call(node, names)
            case ast.Tuple() | ast.List() | ast.Set():
                return tuple(self.value(each, names) for each in node.elts)
            case ast.Dict():
                keys = [None if key is None else self.value(key, names) for key in node.keys]
                values = [self.value(each, names) for each in node.values]
                usable = all(isinstance(key, (str, int)) for key in keys)
                return dict(zip(keys, values, strict=True)) if usable else _unread(node)
            case ast.UnaryOp():
                value = self.value(node.operand, names)
                if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
                    return -value
                return not value if isinstance(node.op, ast.Not) and isinstance(value, bool) else _unread(node)
            case ast.BinOp():
                value = binary(node.op, self.value(node.left, names), self.value(node.right, names))
                return _unread(node) if value is None else value
            case ast.NamedExpr():
                value = self.value(node.value, names)
                self._bind(node.target, value, names)
                return value
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, names)
        return _unread(node)

    def _attribute(self, node: ast.Attribute, names: _Names) -> Any:
        owner = self.value(node.value, names)
        if isinstance(owner, Named):
            return Named(f"{owner.text}.{node.attr}")
        if isinstance(owner, Call) and owner.last == "parse_args":
            return self._of_command_line(node)
        return _unread(node)

    def _of_command_line(self, node: ast.Attribute) -> Any:
        """The value of an argument of ``argparse``: what the script is called with, else its default."""
        if node.attr in self._given:
            return self._given[node.attr]
        for call in self.calls:
            options = [str(each).lstrip("-").replace("-", "_") for each in call.positional if isinstance(each, str)]
            if call.last == "add_argument" and (node.attr in options or call.keywords.get("dest") == node.attr):
                return call.keywords.get("default", _unread(node))
        return _unread(node)

    def _call(self, node: ast.Call, names: _Names) -> Any:
        function = node.func
        base = self.value(function.value, names) if isinstance(function, ast.Attribute) else None
        called = self.value(function, names) if base is None else self._attribute_of(base, function)
        name = called.text if isinstance(called, Named) else ast.unparse(function)
        given = [self.value(each, names) for each in node.args if not isinstance(each, ast.Starred)]
        keywords = {each.arg: self.value(each.value, names) for each in node.keywords if each.arg is not None}
        is_open = len(given) < len(node.args) or len(keywords) < len(node.keywords)
        for each in node.keywords:
            if each.arg is None and isinstance(more := self.value(each.value, names), dict):
                keywords = {**more, **keywords}
                is_open = len(given) < len(node.args)
        if (known := built_in(name, given)) is not None:
            return known
        call = Call(name, node.lineno, given, keywords, is_open, base, self._reached, (self._inside or [""])[-1])
        self.calls.append(call)
        if name in self._functions and self._may_follow(name):
            function_ = self._functions[name]
            made = self._follow(function_, {**names, **_arguments(function_, call)})
            return call if made is None else made
        return call

    def _may_follow(self, name: str) -> bool:
        is_new = self._reached or name not in self._followed
        return is_new and name not in self._inside and len(self._inside) < _DEEPEST and len(self.calls) < _MOST_FOLLOWED

    def _attribute_of(self, base: Any, function: ast.expr) -> Any:
        assert isinstance(function, ast.Attribute)
        return Named(f"{base.text}.{function.attr}") if isinstance(base, Named) else None

    def _follow(self, function: ast.FunctionDef | ast.AsyncFunctionDef, names: _Names) -> Any:
        self._followed.add(function.name)
        self._inside.append(function.name)
        returned = self._block(function.body, dict(names))
        self._inside.pop()
        return returned


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    own = function.args
    more = [each for each in (own.vararg, own.kwarg) if each is not None]
    return [*own.posonlyargs, *own.args, *own.kwonlyargs, *more]


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef, call: Call) -> _Names:
    """What the parameters of a function are in a call."""
    own = function.args
    places = [each.arg for each in (*own.posonlyargs, *own.args)]
    values: _Names = {each.arg: Unread(each.arg, call.line) for each in _parameters(function)}
    tail = places[len(places) - len(own.defaults) :]
    pairs = [
        *zip(tail, own.defaults, strict=True),
        *zip((each.arg for each in own.kwonlyargs), own.kw_defaults, strict=True),
    ]
    values |= {name: default.value for name, default in pairs if isinstance(default, ast.Constant)}
    return (
        values
        | dict(zip(places, call.positional, strict=False))
        | {name: value for name, value in call.keywords.items() if name in values}
    )


def _unread(node: ast.AST) -> Unread:
    return Unread(ast.unparse(node)[:60], getattr(node, "lineno", 0))
