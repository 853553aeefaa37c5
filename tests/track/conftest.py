"""Fixtures of the trackers' tests."""

from __future__ import annotations

import pytest
from tests.track.handmade import Remembering, make_store

from seedproof.store import Store


@pytest.fixture
def store(tmp_path) -> Store:
    return make_store(tmp_path / "study")


@pytest.fixture
def tracker() -> Remembering:
    return Remembering()
