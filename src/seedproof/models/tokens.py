"""Turn the texts of a task into tokens, once per run, and batches of them into padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seedproof.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from seedproof.tasks.split import Split

CHUNK = 2048
"""Texts given to the tokenizer at once."""

COUNTED = 20_000
"""Most texts that are tokenized to count those that will be cut; of more, so many are drawn and the count is estimated."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """How tokens become a model's inputs."""

    segments: bool | None = None
    """Whether segment ids are asked for; None: what the tokenizer does unasked."""
    pads_left: bool = False
    """Padding before the text, for models that look at its last token (XLNet)."""


@dataclass(frozen=True, eq=False)
class TokenizedSplit:
    """The examples of a split as token ids."""

    ids: list[list[int]]
    segments: list[list[int]] | None
    """Segment ids, where the model takes them."""
    labels: np.ndarray
    """int64 class indices or float64 targets, (examples,); int64 0 and 1, (examples, labels), of several labels each."""
    truncated: int
    """Examples that were cut at the recipe's ``max_length``."""
    pad_id: int
    pads_left: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Sequence[int] | np.ndarray, device: torch.device) -> dict[str, Tensor]:
        """Tensors for the model, padded to the longest of these examples: ids, mask, segments (batch, length); labels."""
        rows = [self.ids[index] for index in indices]
        length = max(map(len, rows))
        tensors = {
            "input_ids": self._padded(rows, length, self.pad_id),
            "attention_mask": self._padded([[1] * len(row) for row in rows], length, 0),
        }
        if self.segments is not None:
            tensors["token_type_ids"] = self._padded([self.segments[index] for index in indices], length, 0)
        labels = torch.from_numpy(self.labels[np.asarray(indices)])
        # Transformers' loss of several labels takes floats.
        tensors["labels"] = labels if labels.dtype == torch.int64 and labels.ndim == 1 else labels.float()
        return {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}

    def _padded(self, rows: list[list[int]], length: int, value: int) -> Tensor:
        padding = [[value] * (length - len(row)) for row in rows]
        if self.pads_left:
            return torch.tensor([pad + row for row, pad in zip(rows, padding, strict=True)])
        return torch.tensor([row + pad for row, pad in zip(rows, padding, strict=True)])


def tokenize(
    split: Split,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    positions: int | None,
    segment_ids: bool = True,
    inputs: Inputs = Inputs(),
    where: str = "",
) -> TokenizedSplit:
    """Tokenize a split, cut at ``max_length`` tokens (special ones included), the longer text of a pair first.

    ``segment_ids=False`` sets all segments to 0, as the configurations released with the paper do; ``inputs`` says whether
    there are any (see :func:`seedproof.models.facts.inputs`).

    Raises:
        UserError: a text is longer than the model's positions although ``max_length`` allows it; names the row.
    """
    ids: list[list[int]] = []
    segments: list[list[int]] = []
    truncated = 0
    for start in range(0, len(split), CHUNK):
        texts = list(split.texts[start : start + CHUNK])
        pairs = None if split.pairs is None else list(split.pairs[start : start + CHUNK])
        whole = tokenizer(texts, pairs, truncation=False, verbose=False)["input_ids"]
        lengths = [len(row) for row in whole]
        _check_positions(lengths, start, max_length, positions, where)
        truncated += sum(length > max_length for length in lengths)
        encoded: Any = tokenizer(
            texts, pairs, truncation=True, max_length=max_length, verbose=False, return_token_type_ids=inputs.segments
        )
        ids.extend(encoded["input_ids"])
        segments.extend(encoded.get("token_type_ids", []))
    if segments and not segment_ids:
        segments = [[0] * len(row) for row in segments]
    pad = tokenizer.pad_token_id
    pad_id = 0 if pad is None else int(pad)
    return TokenizedSplit(ids, segments or None, split.labels, truncated, pad_id, inputs.pads_left)


@dataclass(frozen=True)
class Cut:
    """Examples of a split that are longer than a model is given."""

    examples: int
    """Examples that are cut."""
    longest: int
    """Tokens of the longest one that was looked at."""
    estimated: bool
    """Whether only a part of the split was looked at."""


def count_cut(split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Cut:
    """Count the examples with more than ``max_length`` tokens, special ones included, before anything is trained."""
    pairs = split.pairs or [""] * len(split)
    # No token is shorter than a byte, so only long texts need a look; 8 leaves room for special tokens.
    bound = max_length - 8
    long = [
        index
        for index, parts in enumerate(zip(split.texts, pairs, strict=True))
        if sum(map(len, parts)) > bound or sum(len(part.encode()) for part in parts) > bound
    ]
    step = -(-len(long) // COUNTED) or 1
    looked = long[::step]
    lengths: list[int] = []
    for start in range(0, len(looked), CHUNK):
        part = looked[start : start + CHUNK]
        second = None if split.pairs is None else [split.pairs[index] for index in part]
        rows = tokenizer([split.texts[index] for index in part], second, truncation=False, verbose=False)["input_ids"]
        lengths.extend(map(len, rows))
    found = sum(length > max_length for length in lengths)
    return Cut(min(found * step, len(long)), max(lengths, default=0), step > 1)


def unknown_fraction(split: Split, tokenizer: PreTrainedTokenizerBase, examples: int = 256) -> float:
    """Fraction of the tokens of the first examples that the vocabulary does not know; 0 where a tokenizer knows all."""
    if tokenizer.unk_token_id is None:
        return 0.0
    pairs = None if split.pairs is None else list(split.pairs[:examples])
    rows = tokenizer(list(split.texts[:examples]), pairs, add_special_tokens=False, verbose=False)["input_ids"]
    total = sum(map(len, rows))
    return sum(row.count(tokenizer.unk_token_id) for row in rows) / total if total else 0.0


def _check_positions(lengths: list[int], start: int, max_length: int, positions: int | None, where: str) -> None:
    if positions is None or max_length <= positions:
        return
    for row, length in enumerate(lengths, start=start + 1):
        if length > positions:
            raise UserError(
                f"{where} example {row} has {length} tokens, but the model has {positions} positions; "
                f"cut longer texts with --set max_length={positions}, or choose a model with more positions"
            )
