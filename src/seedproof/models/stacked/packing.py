"""Packing of examples into tokens without padding, for many members at once.

Two arrangements of the same tokens. *Packed*: each member's tokens in one row, (members, tokens), for all that looks at
one token at a time. *Grid*: sequences of like length together, padded, for attention alone, which must stay inside its
sequence. The index tables here move rows between the two, forward and back.

Every member's packed row ends with a slot of padding that nothing real reads, so that its gradient is exactly zero; the
grid ends with a row of zeros. What is padding on one side takes its content from there on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float32, Int, Int64, Num

GROUPS = 4
"""Groups of sequences for attention: more waste less on padding and cost more calls."""

LENGTH_STEPS = 8
"""Lengths of sequences are rounded up by at most this, where shapes are to be few."""


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Examples of a split as arrays, from which batches are taken by index."""

    ids: Int64[np.ndarray, "examples longest"]
    segments: Int64[np.ndarray, "examples longest"] | None
    """Segment ids, where the model takes them."""
    lengths: Int64[np.ndarray, " examples"]
    """Tokens of each example."""
    labels: Num[np.ndarray, " examples *labels"]
    """int64 classes or float64 targets; int64 0 and 1 of several labels each, (examples, labels)."""

    @classmethod
    def of(
        cls,
        ids: Sequence[Sequence[int]],
        segments: Sequence[Sequence[int]] | None,
        labels: Num[np.ndarray, " examples *labels"],
    ) -> TokenTable:
        """Table of lists of tokens, as :class:`seedproof.models.tokens.TokenizedSplit` holds them."""
        lengths = np.array([len(row) for row in ids])
        return cls(
            _rectangle(ids, lengths), None if segments is None else _rectangle(segments, lengths), lengths, labels
        )


def _rectangle(rows: Sequence[Sequence[int]], lengths: np.ndarray) -> np.ndarray:
    table = np.zeros((len(rows), lengths.max()), np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([np.asarray(row) for row in rows])
    return table


@dataclass(frozen=True, eq=False)
class Packed:
    """A batch of examples for each member of a stack, without padding.

    A slot is the position of a token in the rows of all members, one row behind the other: members * tokens of them.
    """

    ids: Int64[Tensor, " slots"]
    segments: Int64[Tensor, " slots"] | None
    positions: Int64[Tensor, " slots"]
    """Position of a token in its sequence, from 0."""
    owners: Int64[Tensor, " slots"]
    """The member of each slot."""
    labels: Num[Tensor, "members batch *labels"]
    """int64 classes, float32 targets, or int64 0 and 1 of several labels each; 0 where a member has fewer examples."""
    is_example: Float32[Tensor, "members batch"]
    """1, or 0 where a member has fewer examples."""
    first_slots: Int64[Tensor, " sequences"]
    """Slot of each example's first token, (members * batch,)."""
    members: int
    batch_size: int
    """Examples of the member that has most."""
    tokens: int
    """Slots of a member: the most tokens that one has, and one slot of padding."""
    grid: Grid


@dataclass(frozen=True, eq=False)
class Group:
    """Sequences of like length, whose attention is computed together, padded to the longest."""

    owners: Int64[Tensor, " sequences"]
    """The member of each sequence."""
    indices: Int64[Tensor, " sequences"]
    """Index of each sequence in its member's batch."""
    bias: Float32[Tensor, "sequence_heads 1 length"]
    """Added to attention scores, (sequences * heads, 1, length): 0 for tokens, the lowest number for padding."""
    length: int

    @property
    def sequences(self) -> int:
        """Number of sequences."""
        return len(self.owners)


@dataclass(frozen=True, eq=False)
class Grid:
    """The arrangement for attention, in rows of one head's width, and the tables that move rows there and back.

    Packed rows are (slot, query | key | value, head) before attention and (slot, head) after it. Grid rows are, group by
    group, (query | key | value, sequence, head, position) before and (sequence, head, position) after; then one of zeros.
    """

    heads: int
    groups: tuple[Group, ...]
    to_grid: Int64[Tensor, " three_rows"]
    """Packed row of each row of the grid before attention, but the last."""
    to_grid_back: Int64[Tensor, " three_packed"]
    """Row of the grid before attention of each packed row."""
    to_packed: Int64[Tensor, " packed"]
    """Row of the grid after attention of each packed row."""
    to_packed_back: Int64[Tensor, " rows"]
    """Packed row of each row of the grid after attention, but the last."""


def pack(
    tables: Sequence[TokenTable],
    batches: Sequence[np.ndarray],
    heads: int,
    device: torch.device | str = "cpu",
    multiple: int = 1,
) -> Packed:
    """Pack one batch for each member.

    Args:
        tables: one per member; members of one task share one table.
        batches: indices of each member's examples, int64 (batch,); their number may differ.
        heads: attention heads.
        device: where the batch goes.
        multiple: slots of a member are rounded up to a multiple of it; libraries that prepare a kernel for each shape
            (oneDNN's for bf16) keep few then, and little memory.
    """

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)

    members, size = len(tables), max(map(len, batches))
    lengths = _gathered([table.lengths for table in tables], batches, size)
    steps = min(multiple, LENGTH_STEPS)
    counts, longest = lengths.sum(1), _up(int(lengths.max()), steps)
    tokens = _up(int(counts.max()) + 1, multiple)
    is_token = np.arange(longest) < lengths[..., None]  # (members, size, longest)
    slots = np.full(is_token.shape, tokens - 1)
    slots[is_token] = (is_token.reshape(members, -1).cumsum(1) - 1)[is_token.reshape(members, -1)]
    slots += np.arange(members)[:, None, None] * tokens
    at = slots[is_token]
    packed = np.zeros((3, members * tokens), np.int64)
    ids, segments = _tokens(tables, batches, is_token)
    packed[0, at], packed[2, at] = ids[is_token], np.nonzero(is_token)[2]
    if segments is not None:
        packed[1, at] = segments[is_token]
    labels = _gathered([table.labels for table in tables], batches, size)
    return Packed(
        ids=tensor(packed[0]),
        segments=None if segments is None else tensor(packed[1]),
        positions=tensor(packed[2]),
        owners=tensor(np.repeat(np.arange(members), tokens)),
        labels=tensor(labels if labels.dtype == np.int64 else labels.astype(np.float32)),
        is_example=tensor((lengths > 0).astype(np.float32)),
        first_slots=tensor(slots[:, :, 0].reshape(-1)),
        members=members,
        batch_size=size,
        tokens=tokens,
        grid=_arrange(slots, lengths, tokens * members, heads, steps, tensor),
    )


def _arrange(
    slots: Int[np.ndarray, "members batch longest"],
    lengths: Int[np.ndarray, "members batch"],
    rows: int,
    heads: int,
    multiple: int,
    tensor: Callable[[np.ndarray], Tensor],
) -> Grid:
    """Grid of the sequences whose tokens sit in ``slots``."""
    size, flat = slots.shape[1], lengths.reshape(-1)
    head, part = np.arange(heads), np.arange(3)[:, None, None, None]
    groups, to_grid, to_packed_back = [], [], []
    before, after = np.full((rows, 3, heads), -1), np.full((rows, heads), -1)
    starts = [0, 0]
    for group in np.array_split(np.argsort(flat, kind="stable"), min(GROUPS, len(flat))):
        length, count = _up(max(1, int(flat[group].max())), multiple), len(group)
        inside = slots.reshape(len(flat), -1)[group, :length]
        is_token = np.arange(length) < flat[group, None]
        to_grid.append(((inside[:, None, :] * 3 + part) * heads + head[:, None]).reshape(-1))
        to_packed_back.append((inside[:, None, :] * heads + head[:, None]).reshape(-1))
        row, position = np.nonzero(is_token)
        inner = (row[:, None] * heads + head) * length + position[:, None]  # (tokens, heads)
        after[inside[is_token]] = starts[1] + inner
        whole = count * heads * length
        before[inside[is_token]] = starts[0] + np.arange(3)[:, None] * whole + inner[:, None, :]
        starts = [starts[0] + 3 * whole, starts[1] + whole]
        bias = np.where(is_token, np.float32(0), np.finfo(np.float32).min).repeat(heads, 0)[:, None, :]
        groups.append(Group(tensor(group // size), tensor(group % size), tensor(bias), length))
    before[before < 0], after[after < 0] = starts  # the rows of zeros
    tables = (np.concatenate(to_grid), before.reshape(-1), after.reshape(-1), np.concatenate(to_packed_back))
    return Grid(heads, tuple(groups), *map(tensor, tables))


def _up(number: int, multiple: int) -> int:
    """Next multiple."""
    return -(-number // multiple) * multiple


def _gathered(
    columns: Sequence[np.ndarray], batches: Sequence[np.ndarray], size: int
) -> Num[np.ndarray, "members {size} *labels"]:
    """Values of each member's examples, 0 where there are fewer."""
    values = np.zeros((len(batches), size, *columns[0].shape[1:]), columns[0].dtype)
    for row, column, batch in zip(values, columns, batches, strict=True):
        row[: len(batch)] = column[batch]
    return values


def _tokens(
    tables: Sequence[TokenTable], batches: Sequence[np.ndarray], is_token: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Ids and segments in the grid, (members, size, length), 0 where there is none."""
    ids = np.zeros(is_token.shape, np.int64)
    segments = None if all(table.segments is None for table in tables) else np.zeros(is_token.shape, np.int64)
    for member, (table, batch) in enumerate(zip(tables, batches, strict=True)):
        width = min(is_token.shape[2], table.ids.shape[1])
        ids[member, : len(batch), :width] = table.ids[batch, :width]
        if segments is not None and table.segments is not None:
            segments[member, : len(batch), :width] = table.segments[batch, :width]
    return ids, segments
