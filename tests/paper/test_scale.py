"""The constants that a dry run relies on, held against the real things; every scaling is printed beside the paper's value."""

from __future__ import annotations

import pytest
from safetensors import safe_open

from seedproof.errors import UserError
from seedproof.miniature.card import LEARNING_RATES
from seedproof.models.source import MINIATURES, WEIGHTS, find_model
from seedproof.paper.scale import MINI, PAPER, get_scale
from seedproof.tasks import load_task
from seedproof.tasks.glue import GLUE

SHIPPED = [model for model in MINI.models.values() if model.name.removeprefix("miniature/") in MINIATURES]


@pytest.mark.parametrize("known", SHIPPED, ids=lambda known: known.name)
def test_the_miniatures_are_as_large_as_said(known):
    source = find_model(known.name)
    with safe_open(WEIGHTS / known.name.removeprefix("miniature/") / "model.safetensors", "numpy") as file:
        stored = sum(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118 - not a dictionary
    assert known.parameters == pytest.approx(stored, rel=0.05)  # the masked-LM head on top, RoBERTa's pooler missing
    assert known.family == source.family
    assert known.layers == source.config["num_hidden_layers"]


def test_settings_are_those_of_the_cards_and_the_models_of_the_paper_have_none():
    for known in MINI.models.values():
        assert known.card["learning_rate"] == LEARNING_RATES[known.name.removeprefix("miniature/")]
    assert all(not known.card for known in PAPER.models.values())


def test_tasks_are_as_large_as_said():
    for known in PAPER.tasks.values():
        assert (known.train, known.dev) == GLUE[known.name.removeprefix("glue/")].sizes
    for known in MINI.tasks.values():
        task = load_task(known.name)
        assert (len(task.train), len(task.dev)) == (known.train, known.dev)


def test_every_scaling_stands_beside_the_papers_value():
    table = MINI.table().set_index("quantity")
    row = table.loc["epochs, long recipe"]
    assert (row["paper"], row["here"]) == ("20", "20")
    row = table.loc["precision, miniature/albert"]
    assert (row["paper"], row["here"]) == ("-", "fp32")
    row = table.loc["small training set, CoLA"]
    assert (row["paper"], row["here"]) == ("1,000 of 8,551", "250 of 1,000")
    row = table.loc["runs of the grid"]
    assert (row["paper"], row["here"]) == ("450", "90")
    same = PAPER.table()
    different = same[(same["paper"] != same["here"]) & (same["paper"] != "not known")]
    assert different.empty, different


def test_an_unknown_scale_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'mini'"):
        get_scale("minu")
