"""Which matrices of a model take the output of a dropout: seen in a forward pass, not told from names.

A dropout's output is followed through everything but products with matrices: sums, norms, reshaping, slicing, and the
attention's product of its probabilities, which are dropped, with the values.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from seedproof.errors import UserError
from seedproof.generators import own_generators

_PRODUCTS = frozenset(
    (
        "linear",
        "matmul",
        "__matmul__",
        "__rmatmul__",
        "mm",
        "bmm",
        "addmm",
        "addbmm",
        "baddbmm",
        "einsum",
        "tensordot",
        "bilinear",
        "conv1d",
        "conv2d",
        "_grouped_mm",
    )
)
_DROPOUTS = frozenset(("dropout", "dropout_", "alpha_dropout", "feature_dropout", "scaled_dot_product_attention"))
_SAME_MATRIX = frozenset(
    (
        "t",
        "transpose",
        "permute",
        "__get__",
        "view",
        "reshape",
        "contiguous",
        "to",
        "float",
        "unsqueeze",
        "squeeze",
        "chunk",
        "split",
        "__getitem__",
        "unbind",
        "narrow",
        "expand",
        "flatten",
    )
)
LENGTH = 6
"""Tokens of the text that is passed through."""


class CannotPass(UserError):
    """A text cannot be passed through a model."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product with a matrix of the model."""

    module: str
    """The module that holds the matrix."""
    parameter: str
    after_dropout: bool
    """Whether what is multiplied is a dropout's output."""
    is_linear: bool
    """Whether the module is an ``nn.Linear`` that multiplies its own weight, so that it can be mixed."""


def products(model: nn.Module) -> list[Product]:
    """The products with matrices in a forward pass of a sequence classification model, in their order.

    The model is left as it is, and no generator moves. A model without weights (on the meta device) will do.

    Raises:
        CannotPass: the model does not take a plain text, or not without weights.
    """
    device = next(model.parameters()).device
    was_training = [(module, module.training) for module in model.modules()]
    flow = _Flow(model)
    try:
        model.eval()
        with own_generators(device), torch.no_grad(), warnings.catch_warnings(), flow:
            warnings.simplefilter("ignore")
            model(_text(model, device))
    except Exception as error:  # whatever a model's own code raises
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise CannotPass(f"mixout: a text cannot be passed through {type(model).__name__}: {first.strip()}") from error
    finally:
        for module, training in was_training:
            module.training = training
    return flow.seen


def _text(model: nn.Module, device: torch.device) -> Tensor:
    """One text: the end token again and again, because some models look for it."""
    config: Any = model.config
    end = getattr(config, "eos_token_id", None)
    token = end[0] if isinstance(end, list) else 1 if end is None else end
    return torch.full((1, LENGTH), token, device=device)


class _Flow(TorchFunctionMode):
    """Follows outputs of dropouts, and notes the products."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.seen: list[Product] = []
        self._matrices: dict[int, tuple[str, str, bool]] = {}
        self._carrying: set[int] = set()
        self._kept: list[Tensor] = []  # alive, so that no other tensor gets the id of one of them
        for name, module in model.named_modules():
            for own, value in module.named_parameters(recurse=False):
                if value.ndim > 1:
                    is_linear = type(module) is nn.Linear and own == "weight"
                    self._matrices.setdefault(id(value), (name, own, is_linear))

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        given = list(_tensors((args, kwargs or {})))
        matrices = [value for value in given if id(value) in self._matrices]
        carries = any(id(value) in self._carrying for value in given)
        if name in _PRODUCTS and matrices:
            self._note(name, matrices, carries)
            return result
        if matrices and name in _SAME_MATRIX:
            module, parameter, _ = self._matrices[id(matrices[0])]
            for value in _tensors(result):
                self._matrices[id(value)] = (module, parameter, False)
                self._kept.append(value)
        if name in _DROPOUTS:  # switched off it returns what it was given, which others may use undropped
            result = result.view_as(result)
        if carries or name in _DROPOUTS:
            for value in _tensors(result):
                self._carrying.add(id(value))
                self._kept.append(value)
        return result

    def _note(self, name: str, matrices: list[Tensor], carries: bool) -> None:
        for matrix in matrices:
            module, parameter, is_linear = self._matrices[id(matrix)]
            self.seen.append(Product(module, parameter, carries, is_linear and name == "linear"))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))
