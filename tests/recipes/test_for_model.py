"""What a model calls for: the right value where what was done before is wrong for it, and the same ids where it is not."""

from __future__ import annotations

import json

import pytest
import torch
from tests.conftest import make_tiny_model
from tests.families import tiny_configuration
from transformers import AutoModelForSequenceClassification

from seedproof.errors import UserError
from seedproof.miniature.tokenizer import make_tokenizer
from seedproof.models.loading import load_tokenizer
from seedproof.models.source import find_model
from seedproof.recipes import RECIPES, Recipe, recipe
from seedproof.recipes.for_model import resolve_for


def model_of(family, folder, tokenizer="bert", **settings):
    """A tiny model with the miniature's tokenizer, which gives segment ids unasked if it is BERT's."""
    with torch.random.fork_rng():
        AutoModelForSequenceClassification.from_config(tiny_configuration(family, **settings)).save_pretrained(folder)
    make_tokenizer(tokenizer).save_pretrained(folder)
    return find_model(str(folder))


def called_for(source, name="devlin", **settings):
    """The fields in which the resolved recipe is not as before."""
    resolved = resolve_for(recipe(name, **settings), source).recipe
    values = resolved.values()
    return {name: values[name] for name, before in resolved.added().items() if values[name] != before}


@pytest.mark.parametrize(
    "model",
    ["miniature/bert", *(pytest.param(f"miniature/{name}", marks=pytest.mark.slow) for name in ("roberta", "albert"))],
)
def test_the_miniatures_runs_are_what_they_were(model):
    """Except where the recipe was wrong: BertAdam's warm-up, and the layers that Mixout mixes in ALBERT."""
    changed = {name: called_for(find_model(model), name) for name in RECIPES}
    expected = {name: {} for name in RECIPES} | {"devlin-bertadam": {"warmup_end": "exact"}}
    assert changed == expected | ({"mixout": {"covers": "flow"}} if model == "miniature/albert" else {})


def test_a_model_with_segments_is_given_them_whatever_the_tokenizer_does_unasked(tmp_path):
    """As ALBERT's of Transformers 5, which gives none; the resolved recipe says so, and the tokens differ."""
    folder = make_tiny_model("albert", tmp_path / "albert")
    tokenizer = load_tokenizer(find_model(str(folder)))
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(folder)
    assert called_for(find_model(str(folder))) == {"inputs": "model"}


@pytest.mark.parametrize(
    ("family", "settings", "expected"),
    [
        ("roberta", {"type_vocab_size": 1}, {"inputs": "model"}),  # one segment, and a tokenizer that gives two
        ("xlm", {}, {"inputs": "model", "dropout_scope": "modules"}),  # it would look segment ids up among its words
        ("bert", {}, {}),
        ("t5", {}, {"inputs": "model", "dropout_scope": "modules", "no_decay": "norms"}),
        ("electra", {}, {}),
    ],
)
def test_what_other_models_call_for(tmp_path, family, settings, expected):
    assert called_for(model_of(family, tmp_path, **settings), dropout=0.2) == expected


def test_padding_goes_where_the_tokenizer_puts_it(tmp_path):
    """XLNet looks at the last token of a text."""
    source = model_of("xlnet", tmp_path)
    assert "inputs" not in called_for(source)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"padding_side": "left"}))
    assert called_for(find_model(str(tmp_path)))["inputs"] == "model"


def test_what_mixout_cannot_mix_is_refused_before_anything_runs(tmp_path):
    source = model_of("xlnet", tmp_path)
    with pytest.raises(UserError, match="mixing the others alone would not be Mixout"):
        resolve_for(recipe("mixout"), source)


def test_mixout_finds_layers_that_no_name_list_knows(tmp_path):
    assert called_for(model_of("mpnet", tmp_path), "mixout")["covers"] == "flow"


def test_the_user_can_ask_for_what_was_done_before():
    source = find_model("miniature/bert")
    before = resolve_for(recipe("devlin-bertadam", warmup_end="whole"), source)
    assert before.recipe.to_json() == {**Recipe.to_json(before.recipe)}
    assert "warmup_end" not in before.recipe.to_json()
    assert before.origins["warmup_end"] == "user"


@pytest.mark.parametrize(
    ("family", "name", "settings", "expected"),
    [
        ("mpnet", "devlin + freeze", {}, {"inputs": "model", "no_decay": "norms", "freeze.embeddings": "all"}),
        ("mpnet", "devlin + llrd", {"weight_decay": 0.0}, {"inputs": "model", "llrd.embeddings": "all"}),
        ("bert", "devlin + freeze + llrd", {}, {}),
    ],
)
def test_only_recipes_that_a_model_makes_another_computation_of_have_another_id(
    tmp_path, family, name, settings, expected
):
    """What never decays is nothing where nothing decays; embeddings that are all called so are frozen as ever."""
    assert called_for(model_of(family, tmp_path), name, **settings) == expected
