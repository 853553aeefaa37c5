"""What the members of a stack say of whole splits: without gradients, with as much at a time as memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from seedproof.models.stacked.architecture import Architecture
from seedproof.models.stacked.encoder import Pass
from seedproof.models.stacked.packing import TokenTable, pack
from seedproof.models.stacked.stack import Stack
from seedproof.models.tokens import TokenizedSplit
from seedproof.probes.pooler import THRESHOLD

if TYPE_CHECKING:
    from jaxtyping import Float32

TOKENS_AT_A_TIME = 8192
"""Tokens of all members in one pass, padding of the grid included; at least one example of each."""


class Tables:
    """The token tables of splits, each made once while a member uses it."""

    def __init__(self) -> None:
        self._tables: dict[int, tuple[TokenizedSplit, TokenTable]] = {}

    def of(self, split: TokenizedSplit) -> TokenTable:
        """The table of this very split."""
        if id(split) not in self._tables:
            self._tables[id(split)] = (split, TokenTable.of(split.ids, split.segments, split.labels))
        return self._tables[id(split)][1]

    def keep(self, splits: Sequence[TokenizedSplit]) -> None:
        """Forget all others."""
        used = {id(split) for split in splits}
        self._tables = {key: value for key, value in self._tables.items() if key in used}


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions of all members for one split."""

    logits: Float32[np.ndarray, "members examples outputs"]
    saturated: Float32[np.ndarray, "members examples"] | None
    """Fraction of the pooler's units that are saturated; None without a tanh."""


@dataclass(eq=False)
class Predictor:
    """Predicts whole splits; where memory ends it goes on with half as many tokens at a time, and stays there.

    Args:
        architecture: of the members.
        dtype: of the matmuls.
        multiple: what shapes are rounded up to.
    """

    architecture: Architecture
    dtype: torch.dtype
    multiple: int
    tables: Tables = field(default_factory=Tables)
    _tokens: int = field(default_factory=lambda: TOKENS_AT_A_TIME)

    @torch.no_grad()
    def predict(self, stack: Stack, split: TokenizedSplit) -> Prediction:
        """Predict every example of the split, in its order.

        Raises:
            torch.OutOfMemoryError, MemoryError, RuntimeError: memory ended with one example of each member.
        """
        order = np.argsort(self.tables.of(split).lengths, kind="stable")
        parts, start = [], 0
        while start < len(order):
            chunk = order[start : start + self._fitting(stack, split, order[start:])]
            try:
                parts.append(self._pass(stack, split, chunk))
            except Exception as error:
                if len(chunk) == 1 or not is_out_of_memory(error):
                    raise
                self._tokens = max(1, self._tokens // 2)
                continue
            start += len(chunk)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        found = [torch.cat(each, 1).cpu().numpy()[:, back] for each in zip(*parts, strict=True)]
        return Prediction(found[0], found[1] if self.architecture.has_tanh_pooler else None)

    def _fitting(self, stack: Stack, split: TokenizedSplit, waiting: np.ndarray) -> int:
        """How many of the waiting examples, the shortest first, one pass takes."""
        tokens = self.tables.of(split).lengths[waiting] * np.arange(1, len(waiting) + 1) * stack.members
        return max(1, int(np.searchsorted(tokens, self._tokens, side="right")))

    def _pass(self, stack: Stack, split: TokenizedSplit, chunk: np.ndarray) -> tuple[torch.Tensor, ...]:
        tables, chunks = [self.tables.of(split)] * stack.members, [chunk] * stack.members
        batch = pack(tables, chunks, self.architecture.heads, stack.device, self.multiple)
        logits, pooled = Pass(self.architecture, stack, batch, dtype=self.dtype).logits()
        if not self.architecture.has_tanh_pooler:
            return (logits.float(),)
        return logits.float(), (torch.tanh(pooled.float()).abs() > THRESHOLD).float().mean(-1)


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device or the host had no memory left for a tensor."""
    is_host = isinstance(error, RuntimeError) and "not enough memory" in str(error)  # PyTorch's allocator on a CPU
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or is_host
