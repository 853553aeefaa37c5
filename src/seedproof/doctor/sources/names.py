"""Which names statements and calls give values to, and which values."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from seedproof.doctor.sources.expressions import PARSING, Names, parameters, unread
from seedproof.doctor.sources.literals import Call, Each, Named, Unread

Function = ast.FunctionDef | ast.AsyncFunctionDef


def imported(statement: ast.Import | ast.ImportFrom) -> Names:
    """What an import names."""
    if isinstance(statement, ast.ImportFrom):
        return {alias.asname or alias.name: Named(alias.name) for alias in statement.names}
    first = [(alias, alias.name.partition(".")[0]) for alias in statement.names]
    return {alias.asname or top: Named(alias.name if alias.asname else top) for alias, top in first}


def parts(value: Any, targets: Sequence[ast.expr]) -> list[Any]:
    """What each of several targets is given."""
    if isinstance(value, (tuple, list)) and len(value) == len(targets):
        return [*value]
    if isinstance(value, Each) and all(isinstance(each, tuple) and len(each) == len(targets) for each in value.values):
        return [Each(column) for column in zip(*value.values, strict=True)]
    if isinstance(value, Call) and value.last in PARSING:
        return [value] * len(targets)
    return [unread(each) for each in targets]


def bound(statements: Sequence[ast.stmt]) -> set[str]:
    """Names that statements give a value to."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def functions(tree: ast.AST) -> Iterator[Function]:
    """All functions and methods, wherever they are defined."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def arguments(function: Function, call: Call) -> Names:
    """What the parameters of a function are in a call."""
    own = function.args
    places = [each.arg for each in (*own.posonlyargs, *own.args)]
    values: Names = {each.arg: Unread(each.arg, call.line) for each in parameters(own)}
    tail = places[len(places) - len(own.defaults) :]
    pairs = [
        *zip(tail, own.defaults, strict=True),
        *zip((each.arg for each in own.kwonlyargs), own.kw_defaults, strict=True),
    ]
    if not call.is_open:
        values |= {name: default.value for name, default in pairs if isinstance(default, ast.Constant)}
    return (
        values
        | dict(zip(places, call.positional, strict=False))
        | {name: value for name, value in call.keywords.items() if name in values}
    )
