"""What training does beyond the values of a recipe: methods, one file each.

To add one, write its file and add a line to the list below. Nothing here loads torch until a method starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from seedproof import extensions
from seedproof.errors import UserError, unknown
from seedproof.lazy import named
from seedproof.methods.base import EVALUATION, LOSS, Composed, Effects, Forward, Method, Mixture, Start, Treatment

__all__ = [
    "EVALUATION",
    "LOSS",
    "METHODS",
    "Composed",
    "Effects",
    "Forward",
    "Method",
    "Mixture",
    "Start",
    "Treatment",
    "find",
    "from_json",
    "in_order",
    "method",
]

_HOMES = (
    "seedproof.methods.llrd:LLRD",
    "seedproof.methods.reinit:Reinit",
    "seedproof.methods.pretrained_decay:PretrainedDecay",
    "seedproof.methods.tensor_clip:TensorClip",
    "seedproof.methods.ema:EMA",
    "seedproof.methods.freeze:Freeze",
    "seedproof.methods.rdrop:RDrop",
    "seedproof.methods.class_weights:ClassWeights",
    "seedproof.methods.mixout:Mixout",
    "seedproof.methods.lora:LoRA",
)
METHODS: Mapping[str, type[Method]] = MappingProxyType({kind.name: kind for kind in map(named, _HOMES)})
"""The named methods."""


def find(name: str) -> type[Method]:
    """The class of a method by its name, or by ``module:Class`` of the user's own.

    Raises:
        UserError: there is none (the nearest is named), or the module cannot be imported.
    """
    if extensions.is_written(name):
        return extensions.load(name, Method, "method")
    if name not in METHODS:
        raise unknown("method", name, [*METHODS, "module:Class of your own"])
    return METHODS[name]


def method(name: str, /, **settings: Any) -> Method:
    """A method with its settings, to add to a recipe.

    >>> print(method("mixout", p=0.3))
    mixout(p=0.3)

    Args:
        name: one of :data:`METHODS`, or ``module:Class`` for one of your own: a file ``module.py`` next to the script or
            in the working folder, or a module that is installed.
        settings: by field; ``seedproof ls methods`` lists them.

    Raises:
        UserError: an unknown method or setting (the nearest is named), or a value outside its range.
    """
    kind = find(name)
    for setting in settings:
        if setting not in kind.field_types():
            raise unknown("setting", setting, kind.field_types(), where=f"the method {name!r}")
    try:
        return kind(**settings)
    except TypeError as error:
        raise UserError(f"the method {name!r} cannot be made: {error}") from None


def from_json(value: Mapping[str, Any]) -> Method:
    """Read back what :meth:`Method.to_json` wrote.

    Raises:
        UserError: an unknown method or setting, a bad value, or another version of the method.
    """
    kind = find(str(value.get("name")))
    version = value.get("version", 1)
    if version != kind.version:
        raise UserError(
            f"the method {kind.reference()!r} has version {kind.version} now, and this run was made with its version {version}: "
            "go on with the version that made it, choose another folder, or give the recipe a label in a study file: "
            '{ name = "...", label = "..." }'
        )
    settings = {key: content for key, content in value.items() if key not in ("name", "version")}
    return method(str(value["name"]), **{**kind.ADDED, **settings})


def in_order(methods: Iterable[Method]) -> tuple[Method, ...]:
    """Methods in the order in which they start: as written where the order matters, then the others by name.

    Raises:
        UserError: one of them stands twice, or two decide the same.
    """
    given = list(methods)
    for index, one in enumerate(given):
        for other in given[:index]:
            if one.reference() == other.reference():
                raise UserError(f"the method {one.reference()!r} stands twice in a recipe; give it once")
            if both := one.owns & other.owns:
                raise UserError(
                    f"the methods {other.reference()!r} and {one.reference()!r} both decide {' and '.join(sorted(both))}; "
                    "leave one of them out"
                )
    ordered = [each for each in given if each.order_matters]
    return *ordered, *sorted((each for each in given if not each.order_matters), key=lambda each: each.reference())
