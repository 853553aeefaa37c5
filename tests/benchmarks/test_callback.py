"""The benchmark of the callback's cost times as many steps with it as without, and without it nothing is recorded."""

from __future__ import annotations

import importlib
from functools import partial

from tests.conftest import REPOSITORY

from seedproof.store import Store


def test_half_of_the_steps_are_watched_and_the_others_leave_no_record(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    script = importlib.import_module("callback")
    small = partial(script.BertConfig, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    monkeypatch.setattr(script, "BertConfig", lambda **_: small())
    seconds = script.train(tmp_path, pairs=2, batch_size=2, length=4)
    assert {watches: len(blocks) for watches, blocks in seconds.items()} == {True: 2, False: 2}
    store = Store.open(tmp_path / "store")
    records = list(store.run(store.run_ids()[0]).journal.read(is_closed=False))
    watched = [record["step"] for record in records if record["kind"] == "loss"]
    assert watched == list(range(21, 41))  # the first block is not timed; then without, with; with, without
