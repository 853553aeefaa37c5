"""The constants that a dry run relies on, held against the real things."""

from __future__ import annotations

import shutil

import pytest
from safetensors import safe_open

from seedproof.errors import UserError
from seedproof.miniature.card import SETTINGS
from seedproof.models.source import MINIATURES, WEIGHTS, find_model
from seedproof.paper.figure import get_figure
from seedproof.paper.real import real_scale
from seedproof.paper.scale import TASKS_OF_PAPER
from seedproof.paper.sizes import MINI, PAPER, get_scale
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
        assert known.card == SETTINGS[known.name.removeprefix("miniature/")]
    assert all(not known.card for known in PAPER.models.values())


def test_tasks_are_as_large_as_said():
    assert len(PAPER.tasks) == TASKS_OF_PAPER
    for known in PAPER.tasks.values():
        assert (known.train, known.dev) == GLUE[known.name.removeprefix("glue/")].sizes
    for known in MINI.tasks.values():
        task = load_task(known.name)
        assert (len(task.train), len(task.dev)) == (known.train, known.dev)


def test_an_unknown_scale_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'mini'"):
        get_scale("minu")


def test_a_model_of_ones_own_is_as_large_as_it_is_and_its_card_sets_the_rates(tmp_path):
    shutil.copytree(WEIGHTS / "bert-shallow", tmp_path / "mine")
    (tmp_path / "mine" / "README.md").write_text("---\nseedproof:\n  learning_rate: 0.0003\n---\n")
    scale = get_scale("real", str(tmp_path / "mine"))
    known = scale.model("bert")
    assert (known.name, known.family, known.layers) == ("mine", "bert", 6)
    assert known.parameters == pytest.approx(MINI.model("shallow").parameters, rel=0.05)
    rows = scale.table().set_index("quantity")["here"]
    assert rows["learning rates"] == "0.0003 (mine)"
    assert rows["model, RoBERTa"] == "none"
    assert scale.options() == ["--model", str(tmp_path / "mine")]
    assert scale.only("rte").options() == ["--model", str(tmp_path / "mine"), "--task", "rte"]


def test_the_folder_that_one_is_in_has_a_name(monkeypatch):
    """``--model .`` gave a model without a name to every table."""
    monkeypatch.chdir(WEIGHTS / "bert-shallow")
    scale = real_scale(".")
    assert scale.model("bert").name == "bert-shallow"
    assert scale.options() == ["--model", str(WEIGHTS / "bert-shallow")]


def test_fewer_tasks_leave_out_what_is_about_others():
    scale = real_scale(str(WEIGHTS / "bert-shallow")).only("rte", "mrpc")
    assert {block.task for block in get_figure("table1").blocks(scale)} == {"rte", "mrpc"}
    assert {block.task for block in get_figure("fig3").blocks(scale)} == {"mrpc"}
    assert [len(block.seeds) for block in get_figure("fig1").blocks(scale)] == [10, 10, 5] * 2
