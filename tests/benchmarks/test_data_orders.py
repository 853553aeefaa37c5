"""What docs/data-orders.md says of the Trainer's seeds is so with the Transformers that is installed."""

from __future__ import annotations

import importlib

import pytest
from tests.conftest import REPOSITORY


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    return importlib.import_module("data_orders")


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["seed", "data_seed"])
def test_the_next_seed_of_a_trainer_has_the_orders_of_the_next_epoch(script, argument):
    first, second, far = (script.trainer_orders(3, **{argument: seed}) for seed in (0, 1, 3))
    assert first[1:] == second[:2]
    assert script.distinct([first, second]) == 4
    assert script.distinct([first, far]) == 6


def test_the_plans_of_two_seeds_share_no_order(script):
    assert script.distinct(script.planned_orders(3, seed) for seed in (0, 1)) == 6


@pytest.mark.slow
def test_the_command_counts_both(script, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["data_orders.py", "--seeds", "2", "--epochs", "2"])
    script.main()
    said = capsys.readouterr().out
    assert "Trainer(args.seed): 3\n" in said
    assert "seedproof: 4\n" in said
    assert "share: 1 of 2\n  the first: epoch 2 of seed 0 is epoch 1 of seed 1 (" in said
