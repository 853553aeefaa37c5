"""Every real token is in the pack exactly once, moves to the grid and back unharmed, and padding has no gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedproof.models.stacked.functions import attention
from seedproof.models.stacked.packing import GROUPS, TokenTable, pack

HEADS, SIZE = 2, 3
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=6)
ragged = st.lists(lengths, min_size=1, max_size=4)
multiples = st.sampled_from([1, 1, 8, 64])
few = settings(max_examples=40, deadline=None)


def make_tables(members, has_segments=True, targets=False):
    """Tables in which every token has an id of its own, and the batches, which take the examples backwards."""
    start, tables = 100, []
    for rows in members:
        ids = []
        for length in rows:
            ids.append(list(range(start, start + length)))
            start += length
        segments = [[token % 2 for token in row] for row in ids] if has_segments else None
        labels = np.array([row[0] for row in ids], float if targets else np.int64)
        tables.append(TokenTable.of(ids, segments, labels))
    return tables, [np.arange(len(rows))[::-1] for rows in members]


@given(ragged, multiples)
@few
def test_every_token_is_packed_exactly_once(members, multiple):
    tables, batches = make_tables(members)
    batch = pack(tables, batches, HEADS, multiple=multiple)
    assert batch.tokens % multiple == 0
    assert (batch.members, batch.batch_size) == (len(members), max(map(len, members)))
    for name in ("ids", "segments", "positions"):
        assert getattr(batch, name).shape == (batch.members * batch.tokens,)
    shape = (batch.members, batch.tokens)
    owners = torch.arange(batch.members)[:, None].expand(shape)
    assert torch.equal(batch.owners.view(shape), owners)
    for member, (table, rows) in enumerate(zip(tables, batches, strict=True)):
        expected = [table.ids[row, : table.lengths[row]] for row in rows]
        ids = batch.ids.view(shape)[member].numpy()
        count = sum(map(len, expected))
        assert ids[:count].tolist() == np.concatenate(expected).tolist()
        assert count < batch.tokens  # room for padding, which nothing real reads
        assert not ids[count:].any()
        positions = np.concatenate([np.arange(len(row)) for row in expected])
        assert batch.positions.view(shape)[member, :count].tolist() == positions.tolist()
        assert batch.segments.view(shape)[member, :count].tolist() == (ids[:count] % 2).tolist()
        assert batch.ids[batch.first_slots.view(batch.members, -1)[member, : len(rows)]].tolist() == [
            row[0] for row in expected
        ]
        assert batch.labels[member, : len(rows)].tolist() == [row[0] for row in expected]
        assert batch.is_example[member].tolist() == [1.0] * len(rows) + [0.0] * (batch.batch_size - len(rows))


@given(ragged, multiples)
@few
def test_the_tables_move_rows_there_and_back(members, multiple):
    """Grid and pack are inverse on real tokens; elsewhere the rows of zeros are read."""
    batch = pack(*make_tables(members), HEADS, multiple=multiple)
    grid, slots = batch.grid, batch.members * batch.tokens
    is_real = (batch.ids >= 100).repeat_interleave(3 * HEADS)
    packed = torch.arange(1, slots * 3 * HEADS + 1)
    there = torch.cat([packed[grid.to_grid], torch.zeros(1, dtype=torch.int64)])
    assert torch.equal(there[grid.to_grid_back], torch.where(is_real, packed, 0))
    is_real = (batch.ids >= 100).repeat_interleave(HEADS)
    rows = torch.arange(1, len(grid.to_packed_back) + 1)
    back = torch.cat([rows, torch.zeros(1, dtype=torch.int64)])[grid.to_packed]
    assert not back[~is_real].any()
    assert len(set(back[is_real].tolist())) == is_real.sum()
    packed = torch.arange(slots * HEADS)
    assert torch.equal(packed[grid.to_packed_back][back[is_real] - 1], packed[is_real])
    assert len(grid.groups) <= GROUPS
    lengths = [group.length for group in grid.groups]
    assert lengths == sorted(lengths)  # sequences of like length are together
    assert sum(group.sequences for group in grid.groups) == batch.members * batch.batch_size
    seen = {
        (owner, place) for g in grid.groups for owner, place in zip(g.owners.tolist(), g.indices.tolist(), strict=True)
    }
    assert seen == {(member, place) for member in range(batch.members) for place in range(batch.batch_size)}


@given(ragged, multiples, st.integers(0, 1000))
@few
def test_attention_stays_inside_its_sequence(members, multiple, seed):
    """Values and gradients are those of each sequence alone; padding gives and gets exactly nothing."""
    tables, batches = make_tables(members)
    batch = pack(tables, batches, HEADS, multiple=multiple)
    generator = torch.Generator().manual_seed(seed)
    joined = torch.randn(batch.members, batch.tokens, 3 * HEADS * SIZE, generator=generator, dtype=torch.float64)
    incoming = torch.randn(batch.members, batch.tokens, HEADS * SIZE, generator=generator, dtype=torch.float64)
    is_real = (batch.ids >= 100).view(batch.members, batch.tokens, 1)
    ours, plain = joined.clone().requires_grad_(), joined.clone().requires_grad_()
    found = attention(ours, batch.grid, [None] * len(batch.grid.groups))
    # What comes back to padding is 0 in a stack: nothing real reads it.
    found.backward(incoming * is_real)
    assert not found[~is_real.expand_as(found)].any()
    assert not ours.grad[~is_real.expand_as(ours.grad)].any()
    for member, (table, rows) in enumerate(zip(tables, batches, strict=True)):
        stop = 0
        for length in table.lengths[rows]:
            start, stop = stop, stop + int(length)
            three = plain[member, start:stop].view(length, 3, HEADS, SIZE).permute(1, 2, 0, 3)
            expected = torch.nn.functional.scaled_dot_product_attention(*three).transpose(0, 1).flatten(1)
            torch.testing.assert_close(found[member, start:stop], expected)
            expected.backward(incoming[member, start:stop])
    torch.testing.assert_close(ours.grad, plain.grad if plain.grad is not None else torch.zeros_like(joined))


def test_targets_are_floats_and_segments_may_be_missing():
    batch = pack(*make_tables([[2, 1], [3]], has_segments=False, targets=True), HEADS)
    assert batch.segments is None
    assert batch.labels.dtype == torch.float32
    assert batch.labels.tolist() == [[102.0, 100.0], [103.0, 0.0]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_member_without_segments_has_zeros_beside_one_with(order):
    one, other = make_tables([[3, 2]])[0][0], make_tables([[3, 2]], has_segments=False)[0][0]
    tables = [(one, other)[index] for index in order]
    batch = pack(tables, [np.arange(2)] * 2, HEADS)
    shares = batch.segments.view(2, -1).sum(1).tolist()
    assert [shares[order.index(0)], shares[order.index(1)]] == [2, 0]
