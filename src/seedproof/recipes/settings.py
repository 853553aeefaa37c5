"""The settings of all recipes as keyword arguments, for editors and notebooks that complete names.

The fields themselves, with their ranges and meanings, are those of :class:`seedproof.Recipe` and of the methods; a test
holds this list against them.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, Literal, TypedDict, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Settings(TypedDict, total=False):
    """Settings of a recipe by name; ``None`` asks for the default of the model's family. See docs/recipes.md."""

    learning_rate: float | None
    learning_rate_factor: float
    epochs: float
    max_steps: int | None
    extra_step: bool
    batch_size: int
    warmup_ratio: float
    warmup_end: Literal["whole", "exact"] | None
    schedule: Literal["linear", "linear-drop", "constant"]
    dropout: float | None
    dropout_scope: Literal["configuration", "modules"] | None
    max_length: int
    initializer_range: float
    beta1: float | None
    beta2: float | None
    eps: float
    weight_decay: float | None
    no_decay: Literal["layer_norms", "norms"] | None
    bias_correction: bool
    decay: Literal["updated", "old"]
    eps_place: Literal["before", "after"]
    clip: Literal["none", "global", "tensor"] | None
    max_grad_norm: float
    select: Literal["last", "best"]
    select_metric: str | None
    segment_ids: bool
    inputs: Literal["tokenizer", "model"] | None
    new_head: bool | None
    p: float
    where: Literal["lee", "linear"]
    legacy_gradient: bool
    covers: Literal["names", "flow"] | None
    starts: Literal["written", "last"] | None


def with_named_settings(function: _Function) -> _Function:
    """Show every setting in the signature of a function that takes them as keywords, where notebooks look for names."""
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    settings = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_LEFT, annotation=hint)
        for name, hint in typing.get_type_hints(Settings).items()
    ]
    function.__signature__ = signature.replace(parameters=[*own, *settings])  # type: ignore[attr-defined]
    return function


class _Left:
    def __repr__(self) -> str:
        return "<the recipe's own>"


_LEFT = _Left()
