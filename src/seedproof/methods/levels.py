"""How high each parameter of an encoder sits: embeddings, then block after block, then pooler and head.

Methods that treat layers by their depth need it; what has no such order is refused here, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seedproof.errors import UserError
from seedproof.models.layers import DECODER, is_called_embedding, locate_all

if TYPE_CHECKING:
    from torch import nn

    from seedproof.models.source import ModelSource


@dataclass(frozen=True)
class Levels:
    """The levels of a model's parameters."""

    of: Mapping[str, int]
    """Level by name of parameter: 0 for embeddings and what belongs to them, 1 to :attr:`blocks` for the blocks from the lowest,
    one more for pooler, head and whatever else lies behind the last block."""
    blocks: int
    """Blocks with weights of their own."""
    layers: int
    """Layers of the forward pass: more than the blocks where they share weights (ALBERT)."""

    @property
    def top(self) -> int:
        """The level of pooler and head."""
        return self.blocks + 1


Embeddings = Literal["named", "all"]
"""What counts as embeddings: parameters that are called so, or all that belong to them."""


def levels(model: nn.Module, method: str, embeddings: Embeddings = "all") -> Levels:
    """The levels of a sequence classification model; one without weights will do.

    Args:
        model: any of Transformers'.
        method: the name of the method that asks, for messages.
        embeddings: what is on level 0; with ``named`` what is not called so is at the top.

    Raises:
        UserError: its blocks cannot be told, or are not one stack from embeddings to head.
    """
    names = [name for name, _ in model.named_parameters()]
    found = locate_all(names)
    kind = type(model).__name__
    if any(location.kind == DECODER for location in found):
        raise UserError(
            f"{method} goes by the depth of a layer, and {kind} has a decoder behind its encoder; leave {method} out, or "
            "choose a model with an encoder alone"
        )
    numbers = sorted({location.layer for location in found if location.layer is not None})
    if not numbers:
        raise UserError(
            f"{method} goes by the depth of a layer, and the layers of {kind} cannot be told from the names of its "
            f"parameters; leave {method} out, or choose another model"
        )
    ranks = {number: rank for rank, number in enumerate(numbers, 1)}
    top = len(numbers) + 1
    of = {
        name: ranks[location.layer] if location.layer is not None else 0 if location.kind == "embeddings" else top
        for name, location in zip(names, found, strict=True)
    }
    if embeddings == "named":
        of |= {name: top for name, level in of.items() if level == 0 and not is_called_embedding(name)}
    config: Any = model.config
    layers = getattr(config.get_text_config(), "num_hidden_layers", None)
    return Levels(of, len(numbers), max(layers, len(numbers)) if isinstance(layers, int) else len(numbers))


def right_embeddings(source: ModelSource, method: str) -> dict[str, Embeddings]:
    """The setting ``embeddings`` that is right for a model, where the names miss some of them.

    Raises:
        UserError: as :func:`levels`.
    """
    from seedproof.models import facts

    model = facts.skeleton(source)
    same = levels(model, method, "named").of == levels(model, method, "all").of
    return {} if same else {"embeddings": "all"}


def check_count(model: nn.Module, method: str, count: int, what: str, embeddings: Embeddings = "all") -> Levels:
    """The levels of a model of which a method treats ``count`` blocks apart from the others.

    Args:
        model: any of Transformers'.
        method: the name of the method, for messages.
        count: of the blocks.
        what: the setting and what it does, e.g. ``layers = 5 draws 5 blocks anew``.
        embeddings: as for :func:`levels`.

    Raises:
        UserError: as :func:`levels`; the model has fewer blocks, or they share their weights, so that none can be treated alone.
    """
    found, kind = levels(model, method, embeddings), type(model).__name__
    if count and found.layers > found.blocks:
        raise UserError(
            f"{method}: {what}, but the {found.layers} layers of {kind} share the weights of {found.blocks}, so none can be "
            f"treated alone; give layers=0, or leave {method} out"
        )
    if count > found.blocks:
        raise UserError(
            f"{method}: {what}, but {kind} has {found.blocks} blocks; give layers of at most {found.blocks}"
        )
    return found
