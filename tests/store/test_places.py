"""Where a study found what lies outside of its store."""

from __future__ import annotations

from seedproof.store import Store


def test_the_latest_place_of_a_models_weights_comes_first(store: Store) -> None:
    for fingerprint, location in [("a", "/old"), ("b", "/x"), ("a", "/new"), ("a", "/old")]:
        store.places.add_model(fingerprint, location)
    assert store.places.model_locations("a") == ["/new", "/old"]
    assert store.places.model_locations("c") == []
