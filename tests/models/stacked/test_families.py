"""What a stack computes of each family is honoured, and what it does not is refused and has the plain engine."""

from __future__ import annotations

import pytest
from tests.fleets import FAMILIES, families, make_model
from transformers import CONFIG_MAPPING

from seedproof.models.dropout import dropouts
from seedproof.models.stacked.families import FAMILIES as KNOWN
from seedproof.models.stacked.families import architecture_of
from seedproof.models.stacked.layout import Layout


def test_the_tests_know_every_family():
    assert set(FAMILIES) == set(KNOWN)


@families
def test_every_name_is_a_parameter_of_the_stock_model_and_no_parameter_is_left(family):
    model = make_model(family)
    found = architecture_of(model.config)
    parts = [getattr(found.embeddings, name) for name in ("words", "segments", "positions", "norm", "projection")]
    modules = {*filter(None, parts), found.head.dense, found.head.classifier}
    for layer in found.layers:
        modules |= {getattr(layer, name) for name in layer.__slots__}
    assert {name.rpartition(".")[0] for name in Layout.of(model).names} == modules


@families
def test_what_is_computed_otherwise_is_refused(family):
    activation = "activation" if family == "distilbert" else "hidden_act"
    refused = [{activation: "silu"}, {"is_decoder": True}]
    for settings in refused:
        assert architecture_of(CONFIG_MAPPING[family](**settings)) is None


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("albert", {"num_hidden_layers": 3, "num_hidden_groups": 4}),  # a group that is never used has no gradient
        ("roberta", {"pad_token_id": None}),
        ("mpnet", {}),
        ("deberta-v2", {}),
        ("roberta-prelayernorm", {}),
        ("xlm-roberta-xl", {}),
    ],
)
def test_other_uses_of_layers_and_other_families_are_refused(family, settings):
    assert architecture_of(CONFIG_MAPPING[family](**settings)) is None


@families
def test_all_that_drops_in_a_model_has_the_one_probability_of_its_recipe(family):
    """A stack draws with one probability: it may, as a recipe's dropout reaches every place, classifier's included."""
    places = dropouts(make_model(family, dropout=0.3, num_labels=2))
    assert {p for place, p in places.items() if not place.startswith("config.")} == {0.3}
