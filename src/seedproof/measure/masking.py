"""Text as masked sequences: how it is cut, which tokens are predicted, and batches of them.

The protocol is that of Devlin et al. 2019, fixed once for a text: which tokens are masked and by what depends on the
text, the tokenizer and the seed alone, so every model and every number of restored layers is asked the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seedproof.errors import UserError

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from transformers import PreTrainedTokenizerBase

Text = str | os.PathLike[str] | Sequence[str]
"""The path of a text file, or its lines."""

CHUNK = 1024
"""Lines given to the tokenizer at once."""

# WikiText's headings: " = Robert Boulter = ", " = = Career = = ".
_HEADING = re.compile(r"^\s*=( =)* .* =( =)*\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """Which tokens are predicted, and what stands in their place.

    Raises:
        UserError: a probability, a fraction or the seed is outside its range.
    """

    mlm_probability: float = 0.15
    """Probability of each token to be predicted. Special tokens and words that the tokenizer does not know never are."""
    mask_replace_prob: float = 0.8
    """Fraction of these that the mask token replaces."""
    random_replace_prob: float = 0.1
    """Fraction of these that any other token replaces, drawn evenly from the vocabulary without its special tokens; the
    rest stay as they are."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.mlm_probability <= 1:
            raise UserError(f"mlm_probability is {self.mlm_probability}; give a number above 0, at most 1")
        masked, replaced = self.mask_replace_prob, self.random_replace_prob
        if not (masked >= 0 and replaced >= 0 and masked + replaced <= 1):
            raise UserError(
                f"mask_replace_prob = {masked} and random_replace_prob = {replaced} do not fit together; give two fractions "
                "that are not negative and add up to at most 1"
            )
        if self.seed < 0:
            raise UserError(f"the seed {self.seed} of the masks is not valid; give a whole number from 0 on")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names by which measurements have been stored since the first."""
        return {
            "share": self.mlm_probability,
            "masked": self.mask_replace_prob,
            "random": self.random_replace_prob,
            "seed": self.seed,
        }


@dataclass(frozen=True, eq=False)
class MaskedBatch:
    """Sequences of like length, padded to the longest."""

    input_ids: Int[Tensor, "batch length"]
    """(batch, length), with the masks in place."""
    attention_mask: Int[Tensor, "batch length"]
    """(batch, length), 1 for tokens, 0 for padding."""
    asked: Bool[Tensor, "batch length"]
    """(batch, length), true where a token is to be predicted."""
    targets: Int[Tensor, " asked"]
    """(asked,), the tokens that stood there, in reading order."""


@dataclass(frozen=True, eq=False)
class MaskedText:
    """A text as sequences with masks."""

    original: list[np.ndarray]
    """Token ids of each sequence that has a token to predict, int64 (length,)."""
    masked: list[np.ndarray]
    """The same with the masks in place."""
    asked: list[np.ndarray]
    """bool (length,)."""
    pad_id: int

    def batches(self, size: int) -> list[MaskedBatch]:
        """All sequences, ``size`` at a time, those of like length together."""
        order = np.argsort([len(ids) for ids in self.original], kind="stable")
        return [self._batch(order[start : start + size]) for start in range(0, len(order), size)]

    def unlike(self) -> MaskedBatch:
        """The shortest and the longest sequence: with padding, where there is any."""
        order = np.argsort([len(ids) for ids in self.original], kind="stable")
        return self._batch(order[[0, -1]])

    def _batch(self, indices: np.ndarray) -> MaskedBatch:
        ids = _padded([self.masked[index] for index in indices], self.pad_id)
        asked = _padded([self.asked[index] for index in indices], False)
        original = _padded([self.original[index] for index in indices], self.pad_id)
        mask = _padded([np.ones_like(self.original[index]) for index in indices], 0)
        return MaskedBatch(ids, mask, asked, original[asked])


def read_lines(text: Text) -> list[str]:
    """The lines of a text that count: blank lines and headings in WikiText's manner are left out.

    Raises:
        UserError: the file is missing, may not be read or is not UTF-8, a line is no string, or no line is left.
    """
    if isinstance(text, (str, os.PathLike)):
        path, where = Path(text), f"the text {os.fspath(text)}"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise UserError(f"there is no text file {path}; give the path of a file, or a list of lines") from None
        except PermissionError as error:
            raise UserError(f"{where} cannot be read: {error.strerror}; give yourself the right to read it") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{where} is not UTF-8 (byte {error.start}); convert it") from None
    else:
        lines, where = list(text), "the text"
        wrong = next((index for index, line in enumerate(lines) if not isinstance(line, str)), None)
        if wrong is not None:
            raise UserError(f"{where} must be a list of strings, but its item {wrong} is {lines[wrong]!r}")
    kept = [line.strip() for line in lines if line.strip() and not _HEADING.match(line)]
    if not kept:
        raise UserError(f"{where} has no line of prose: give one with a sentence or a paragraph a line")
    return kept


def mask_text(
    lines: Sequence[str], tokenizer: PreTrainedTokenizerBase, masking: Masking, max_length: int
) -> MaskedText:
    """Cut a text into sequences and choose the tokens to predict.

    Each line is tokenized by itself and cut into consecutive pieces of at most ``max_length`` tokens, each with the
    special tokens of a single text around it. Three numbers are drawn per token, in reading order, whatever becomes of
    it, so the fractions can be changed without drawing other tokens. Sequences without a token to predict are left out.

    Raises:
        UserError: the tokenizer has no mask token, or there is nothing to predict.
    """
    if tokenizer.mask_token_id is None:
        raise UserError("the model's tokenizer has no mask token, so no token can be masked; choose a masked-LM model")
    generator = np.random.default_rng(masking.seed)
    ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
    original, masked, chosen = [], [], []
    for ids, special in _pieces(lines, tokenizer, max_length):
        draws = generator.random((3, len(ids)))
        asked = (draws[0] < masking.mlm_probability) & ~special & (ids != tokenizer.unk_token_id)
        if not asked.any():
            continue
        replaced = ids.copy()
        is_masked = asked & (draws[1] < masking.mask_replace_prob)
        is_random = asked & ~is_masked & (draws[1] < masking.mask_replace_prob + masking.random_replace_prob)
        replaced[is_masked] = tokenizer.mask_token_id
        replaced[is_random] = ordinary[(draws[2] * len(ordinary)).astype(np.int64)][is_random]
        original.append(ids)
        masked.append(replaced)
        chosen.append(asked)
    if not original:
        raise UserError(
            f"none of the {len(lines)} lines has a token to predict: the model's tokenizer does not know their words, or "
            "the text is too short; give a text in the language of the model"
        )
    return MaskedText(original, masked, chosen, tokenizer.pad_token_id or 0)


def _pieces(lines: Sequence[str], tokenizer: Any, max_length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Token ids and which of them are special, per sequence."""
    if max_length < tokenizer.num_special_tokens_to_add(pair=False) + 1:
        raise UserError(f"max_length = {max_length} leaves no room for a word beside the special tokens; give more")
    if not tokenizer.is_fast:
        return _pieces_by_hand(lines, tokenizer, max_length)
    pieces = []
    for start in range(0, len(lines), CHUNK):
        encoded = tokenizer(
            list(lines[start : start + CHUNK]),
            truncation=True,
            max_length=max_length,
            return_overflowing_tokens=True,
            return_special_tokens_mask=True,
            verbose=False,
        )
        for ids, special in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True):
            pieces.append((np.array(ids, np.int64), np.array(special, bool)))
    return pieces


def _pieces_by_hand(lines: Sequence[str], tokenizer: Any, max_length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same of a tokenizer in Python, which gives the first piece of a text alone."""
    length, pieces = max_length - tokenizer.num_special_tokens_to_add(pair=False), []
    for line in lines:
        whole = tokenizer(line, add_special_tokens=False, verbose=False)["input_ids"]
        for start in range(0, max(1, len(whole)), length):
            ids = tokenizer.build_inputs_with_special_tokens(whole[start : start + length])
            special = tokenizer.get_special_tokens_mask(whole[start : start + length])
            pieces.append((np.array(ids, np.int64), np.array(special, bool)))
    return pieces


def _padded(rows: Sequence[np.ndarray], value: int | bool) -> Tensor:
    whole = np.full((len(rows), max(map(len, rows))), value, rows[0].dtype)
    for index, row in enumerate(rows):
        whole[index, : len(row)] = row
    return torch.from_numpy(whole)
