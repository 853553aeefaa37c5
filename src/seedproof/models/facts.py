"""What a model is, read from the model itself: built without weights, on PyTorch's meta device, from its configuration.

Configurations carry numbers that a model does not use (``max_position_embeddings`` of relative positions), and tokenizers
have defaults that do not know the model; the modules that are there decide.
"""

from __future__ import annotations

import inspect
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from seedproof.models.checkpoint import build_without_weights
from seedproof.models.dropout import dropouts, set_named
from seedproof.models.loading import load_configuration, load_tokenizer
from seedproof.models.tokens import Inputs

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource

# Tables that are looked up by a token's position: position_embeddings, embed_positions, wpe, positions_embed, pos_encoding.
_TABLE = re.compile(r"\b(char_)?(position_embeddings?|embed_positions|positions_embed|wpe|pos_encoding)(\.embedding)?$")
_NOT_OF_TEXT = re.compile(r"\b(vision|visual|image|entity|x_|y_|h_|w_)")


def skeleton(source: ModelSource) -> nn.Module:
    """The sequence classification model of a configuration without weights; its tensors have shapes only.

    Raises:
        UserError: Transformers cannot build it.
    """
    return _skeleton(source.folder, _canonical(source))


# What is read from a folder is kept by its content too: a folder may be written again.
def _canonical(source: ModelSource) -> str:
    return json.dumps(source.config, sort_keys=True)


@lru_cache(maxsize=16)
def _skeleton(folder: Path, configuration: str) -> nn.Module:  # noqa: ARG001
    return build(folder)


def build(folder: Path, device: str = "meta", dropout: float | None = None) -> nn.Module:
    """The sequence classification model of a folder's configuration, without weights (meta device) or with random ones."""
    from transformers import AutoModelForSequenceClassification

    config = load_configuration(_at(folder))
    if dropout is not None:
        set_named(config, dropout)
    return build_without_weights(AutoModelForSequenceClassification, config, _at(folder), device)


def _at(folder: Path) -> ModelSource:
    from seedproof.models.source import ModelSource

    return ModelSource(str(folder), folder)


def segments(model: nn.Module) -> int:
    """How many segments a model tells apart; 0 where it takes no segment ids, or takes them for something else.

    XLNet and Funnel have no table of segments: they ask whether two tokens are of the same one. XLM, Flaubert, GPT-2 and
    CTRL look segment ids up among their words.
    """
    if "token_type_ids" not in inspect.signature(model.forward).parameters:
        return 0
    tables = [value.shape[0] for name, value in model.named_parameters() if "token_type_embeddings" in name]
    relative = [2 for name, _ in model.named_parameters() if name.endswith("seg_embed")]
    return max(tables + relative, default=0)


def positions(model: nn.Module) -> int | None:
    """The longest input in tokens; None where no table of positions limits it (relative and rotary positions).

    RoBERTa and its kin (fairseq) begin behind the padding's row, BART and its kin at the third; others list the rows
    they use, at most, in ``position_ids``.
    """
    rows: list[int] = []
    listed: list[int] = []
    for name, module in model.named_modules():
        if _NOT_OF_TEXT.search(name):
            continue
        padding = getattr(module, "padding_idx", None)
        first = getattr(module, "offset", 0) if padding is None else padding + 1
        tables = [value for key, value in _tensors(name, module) if value.ndim == 2 and _TABLE.search(key)]
        rows += [value.shape[0] - first for value in tables]
        listed += [value.shape[-1] for key, value in module.named_buffers(recurse=False) if key == "position_ids"]
    return min(rows + listed) if rows else None


def _tensors(name: str, module: nn.Module) -> list[tuple[str, Tensor]]:
    """The tensors that a module itself holds: a table by the module's name, others by their own."""
    others = [*module.named_buffers(recurse=False), *((k, v) for k, v in vars(module).items() if isinstance(v, Tensor))]
    return [(name, value) for value in module.parameters(recurse=False)] + [(f"{name}.{k}", v) for k, v in others]


def inputs(source: ModelSource, meaning: str) -> Inputs:
    """How the texts of a task become inputs of a model.

    Args:
        source: the model.
        meaning: ``inputs`` of a resolved recipe.
    """
    habits = _habits(source.folder, source.fingerprint)
    if meaning == "tokenizer":
        return Inputs(segments=habits.segments)
    return Inputs(segments=segments(skeleton(source)) > 1, pads_left=habits.pads_left)


@lru_cache(maxsize=16)
def _habits(folder: Path, fingerprint: str) -> Inputs:  # noqa: ARG001
    tokenizer = load_tokenizer(_at(folder))
    return Inputs("token_type_ids" in tokenizer.model_input_names, tokenizer.padding_side == "left")


def is_dropout_set_by_configuration(source: ModelSource, p: float) -> bool:
    """Whether setting the first known entries of the configuration to ``p`` sets every site of the model that drops."""
    found = _dropouts(source.folder, _canonical(source), p)
    # An entry of the configuration alone drops nothing: it may be for another task (DistilBERT's qa_dropout).
    return all(value == p for site, value in found.items() if not site.startswith("config."))


@lru_cache(maxsize=64)
def _dropouts(folder: Path, configuration: str, p: float) -> dict[str, float]:  # noqa: ARG001
    return dropouts(build(folder, dropout=p))
