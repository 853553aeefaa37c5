"""Shapes of arrays, as annotations say them, checked at every call while tests run.

The package annotates arrays with jaxtyping, for readers and type checkers alone: annotations stay strings, and jaxtyping
is imported under ``TYPE_CHECKING``, so that no user needs it. Here every module of the package is looked through when it
is imported, and its functions, methods and dataclasses that name a shape are wrapped by jaxtyping and beartype.
"""

from __future__ import annotations

import collections.abc
import inspect
import re
import sys
import typing
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any

import beartype
import jaxtyping

PACKAGE = "seedproof"
_DTYPES = (
    "Bool",
    "Complex",
    "Float",
    "Float32",
    "Float64",
    "Inexact",
    "Int",
    "Int32",
    "Int64",
    "Num",
    "Shaped",
    "UInt64",
)
_HAS_SHAPE = re.compile(rf"\b({'|'.join(_DTYPES)})\[")


def install() -> None:
    """Check the shapes in all modules of the package that are imported from now on."""
    sys.meta_path.insert(0, _Finder)


class _Finder(PathFinder):
    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        check_shapes(module)


def check_shapes(holder: ModuleType | type) -> None:
    """Wrap what a module or a class defines and annotates with a shape, ``__init__`` of dataclasses included."""
    module = holder.__name__ if isinstance(holder, ModuleType) else holder.__module__
    for name, value in list(vars(holder).items()):
        if inspect.isclass(value) and value.__module__ == module and name == value.__name__:
            check_shapes(value)
        else:
            kind, function = _unwrapped(value)
            if isinstance(function, FunctionType) and function.__module__ == module and _annotate(function):
                setattr(holder, name, kind(jaxtyping.jaxtyped(function, typechecker=beartype.beartype)))


def _unwrapped(value: Any) -> tuple[Any, Any]:
    """A function inside of a descriptor, and how to put it back."""
    if isinstance(value, (staticmethod, classmethod)):
        return type(value), value.__func__
    if isinstance(value, property):
        return property, value.fget
    return (lambda function: function), value


def _annotate(function: FunctionType) -> bool:
    """Put types in the place of the annotations that name a shape, and drop all others; False: there is none."""
    inner = inspect.unwrap(function)  # what a signature is read from
    shaped = {name: text for name, text in inner.__annotations__.items() if _HAS_SHAPE.search(str(text))}
    if not shaped:
        return False
    names = {**vars(typing), **vars(collections.abc), **_arrays(), **sys.modules[inner.__module__].__dict__}
    inner.__annotations__ = {name: eval(text, names) for name, text in shaped.items()}
    return True


def _arrays() -> dict[str, Any]:
    import numpy as np
    import torch

    return {name: getattr(jaxtyping, name) for name in _DTYPES} | {"np": np, "torch": torch, "Tensor": torch.Tensor}
