"""The walk through a script's statements in the order in which they run, with what each name stands for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from seedproof.doctor.sources.expressions import Expressions, Names, one_of, parameters, unread
from seedproof.doctor.sources.literals import Call, Named, Unread, alternatives, binary, merged
from seedproof.doctor.sources.names import Function, arguments, bound, functions, imported, parts

_DEEPEST = 8
"""Calls in calls that are followed."""
_MOST_FOLLOWED = 20_000
"""Calls in all, after which no further function is followed: functions that call others twice double them at each depth."""
_MISSING = object()
_ENDING = ("exit", "sys.exit", "quit", "os._exit")
_End = Literal["", "return", "raise"]
"""How statements end: what follows them runs, or a function gives something back, or nothing further runs."""


class Walk(Expressions):
    """Reads statements in their order; ``calls`` has what was called."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self._functions: dict[str, Function] = {}
        self._scopes: dict[str, Names] = {}
        self._followed: set[str] = set()
        self._returned: list[list[Any]] = [[]]
        self._changed_elsewhere: set[str] = set()

    def module(self, tree: ast.Module) -> None:
        """Read a whole script: what runs, then the functions that nothing in it was seen to call."""
        names: Names = {}
        self._changed_elsewhere = {
            name for node in ast.walk(tree) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names
        }
        self._block(tree.body, names)
        self._reached = False
        for function in functions(tree):
            if function.name not in self._followed:
                own = [each.arg for each in parameters(function.args)]
                self._follow(
                    function, names, {name: self._given.get(name, Unread(name, function.lineno)) for name in own}
                )

    def _block(self, statements: Sequence[ast.stmt], names: Names) -> _End:
        """Read statements up to the one that ends them."""
        for statement in statements:
            if end := self._statement(statement, names):
                return end
        return ""

    def _statement(self, statement: ast.stmt, names: Names) -> _End:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._functions[statement.name], self._scopes[statement.name] = statement, names
                names[statement.name] = Named(statement.name)
            case ast.ClassDef():
                names[statement.name] = Named(statement.name)
            case ast.Import() | ast.ImportFrom():
                names.update(imported(statement))
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Delete():
                self._assign(statement, names)
            case ast.Return():
                value = None if statement.value is None else self.value(statement.value, names)
                self._returned[-1].append(value)
                return "return"
            case ast.Raise():
                return "raise"
            case ast.If():
                return self._condition(statement, names)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(statement, names)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    value = self.value(item.context_expr, names)
                    if item.optional_vars is not None:
                        self.bind(item.optional_vars, value, names)
                return self._block(statement.body, names)
            case ast.Try() | ast.TryStar():
                return self._try(statement, names)
            case ast.Match():
                return self._match(statement, names)
            case ast.Expr():
                value = self.value(statement.value, names)
                return "raise" if isinstance(value, Call) and value.name in _ENDING else ""
        return ""

    def _assign(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete, names: Names) -> None:
        match statement:
            case ast.Assign():
                value = self.value(statement.value, names)
                for target in statement.targets:
                    self.bind(target, value, names)
            case ast.AnnAssign(value=ast.expr() as expression):
                self.bind(statement.target, self.value(expression, names), names)
            case ast.AugAssign():
                left, right = self.value(statement.target, names), self.value(statement.value, names)
                if isinstance(left, (dict, list)):
                    name = "update" if isinstance(left, dict) else "extend"
                    self.changes.method(left, name, [right], {}, repeated=bool(self._loops))
                    return
                is_name = isinstance(statement.target, ast.Name)
                changed = binary(statement.op, left, right) if is_name else None
                self.bind(statement.target, unread(statement) if changed is None else changed, names)
            case ast.Delete():
                for target in statement.targets:
                    if isinstance(target, ast.Subscript):
                        self.changes.drop(self.value(target.value, names), self.value(target.slice, names))

    def _condition(self, statement: ast.If, names: Names) -> _End:
        test = self.value(statement.test, names)
        if "__name__" in ast.unparse(statement.test):
            test = True
        if isinstance(test, bool):
            return self._block(statement.body if test else statement.orelse, names)
        readings = [lambda: self._block(statement.body, names), lambda: self._block(statement.orelse, names)]
        return self._either_of(readings, names, statement.lineno)

    def _either_of(self, readings: Sequence[Callable[[], _End]], names: Names, line: int) -> _End:
        """Read what runs in place of each other; what they leave otherwise is not known afterwards."""
        before = dict(names)
        ends, left, changed = [], [], []
        for reading in readings:
            self.changes.begin()
            ends.append(reading())
            left.append(dict(names))
            changed.append(self.changes.take_back())
            names.clear()
            names.update(before)
        self.changes.join([each for each, end in zip(changed, ends, strict=True) if end != "raise"], line)
        going = [each for each, end in zip(left, ends, strict=True) if not end]
        if not going:
            return "return" if "return" in ends else "raise"
        for name in {name for each in going for name, value in each.items() if before.get(name, _MISSING) is not value}:
            values = [each[name] for each in going if name in each]  # where it is not made, nothing uses it
            names[name] = merged(values, f"{name}, which a condition decides", line)
        return ""

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While, names: Names) -> _End:
        """Read the body of a loop once, with what it changes from turn to turn as not known."""
        values = self.value(statement.test if isinstance(statement, ast.While) else statement.iter, names)
        is_run = (
            values is True if isinstance(statement, ast.While) else isinstance(values, (tuple, list)) and bool(values)
        )

        def turn() -> _End:
            for name in bound(statement.body) & names.keys():
                names[name] = Unread(f"{name}, which a loop changes", statement.lineno)
            if not isinstance(statement, ast.While):
                self.bind(statement.target, one_of(values, statement.target), names)
            loops = len(self._loops)
            self._repeat(values, statement)
            end = self._block(statement.body, names)
            del self._loops[loops:]
            return end

        end = turn() if is_run else self._either_of([turn, lambda: ""], names, statement.lineno)
        return end or self._block(statement.orelse, names)

    def _try(self, statement: ast.Try | ast.TryStar, names: Names) -> _End:
        whole = [*statement.body, *statement.orelse]
        readings = [lambda: self._block(whole, names)]
        readings += [lambda each=each: self._block(each.body, names) for each in statement.handlers]  # type: ignore[misc]
        end = self._either_of(readings, names, statement.lineno)
        return self._block(statement.finalbody, names) or end

    def _match(self, statement: ast.Match, names: Names) -> _End:
        self.value(statement.subject, names)

        def reading(case: ast.match_case) -> _End:
            captured = [node.name for node in ast.walk(case.pattern) if isinstance(node, (ast.MatchAs, ast.MatchStar))]
            names.update({name: Unread(name, statement.lineno) for name in captured if name})
            return self._block(case.body, names)

        readings: list[Callable[[], _End]] = [lambda case=case: reading(case) for case in statement.cases]  # type: ignore[misc]
        return self._either_of([*readings, lambda: ""], names, statement.lineno)

    def bind(self, target: ast.expr, value: Any, names: Names) -> None:
        """Give a target a value: a name, several, an attribute of a call's result, a place in a list or dictionary."""
        match target:
            case ast.Name():
                is_sure = target.id not in self._changed_elsewhere
                names[target.id] = value if is_sure else Unread(f"{target.id}, which a function changes", target.lineno)
            case ast.Tuple() | ast.List():
                for each, part in zip(target.elts, parts(value, target.elts), strict=True):
                    self.bind(each, part, names)
            case ast.Starred():
                self.bind(target.value, unread(target), names)
            case ast.Attribute():
                for owner in alternatives(self.value(target.value, names)):
                    if isinstance(owner, Call):
                        self.changes.put(owner.keywords, target.attr, value)  # args.learning_rate = 1e-4
            case ast.Subscript():
                key = self.value(target.slice, names)
                for owner in alternatives(self.value(target.value, names)):
                    self.changes.put(owner, key, value)

    def made(self, call: Call, names: Names) -> Any:
        """What a call gives: of a function of the script what it returns, else the call itself."""
        call.is_own = call.name in self._functions
        if call.is_own and self._may_follow(call.name):
            function = self._functions[call.name]
            returned = self._follow(function, names, arguments(function, call))
            return call if returned is None else returned
        return call

    def _may_follow(self, name: str) -> bool:
        is_new = self._reached or name not in self._followed
        return is_new and name not in self._inside and len(self._inside) < _DEEPEST and len(self.calls) < _MOST_FOLLOWED

    def _follow(self, function: Function, names: Names, own: Names) -> Any:
        """Read a function where its own names are in it; gives what it returns, None where that is nothing."""
        self._followed.add(function.name)
        self._inside.append(function.name)
        self._returned.append([])
        end = self._block(function.body, {**self._scopes.get(function.name, names), **own})
        self._inside.pop()
        returned = self._returned.pop()
        if not end and any(value is not None for value in returned):
            returned.append(None)
        return merged(returned, f"what {function.name} returns", function.lineno) if returned else None
