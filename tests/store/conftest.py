"""Fixtures of the store's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Store


@pytest.fixture
def make_spec() -> Callable[[int], RunSpec]:
    """A run spec that differs only in its seed."""

    def make(seed: int) -> RunSpec:
        return RunSpec(
            task=TaskReference(name="glue/rte", fingerprint="a" * 64, train_examples=3, dev_examples=2),
            model=ModelReference(name="miniature/bert", fingerprint="b" * 64, family="bert"),
            recipe={"name": "devlin", "epochs": 3},
            seeds=Seeds.from_number(seed),
            numerics=Numerics(),
        )

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A new study."""
    return Store.create(tmp_path / "study", "first", Numerics(threads=2))
