"""The recipe value: checks at construction, settings, JSON, and the default hooks."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AlbertConfig, AutoModelForSequenceClassification, BertConfig, DistilBertConfig, RobertaConfig

from seedproof.errors import UserError
from seedproof.methods.mixing import MixLinear
from seedproof.recipes import RECIPES, MixoutRecipe, Recipe, from_json, recipe, resolve

SIZES = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 16,
}
CONFIGS = [
    BertConfig(**SIZES),
    RobertaConfig(**SIZES),
    AlbertConfig(**SIZES, embedding_size=4),
    DistilBertConfig(vocab_size=20, dim=8, n_layers=2, n_heads=2, hidden_dim=8),
]
configs = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate = 0.0 is not valid; it must be a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate = nan"),
        ({"learning_rate": "3e-5"}, "learning_rate = '3e-5'"),
        ({"epochs": float("inf")}, "epochs = inf"),
        ({"epochs": True}, "epochs = True"),
        ({"batch_size": 16.0}, "batch_size = 16.0 is not valid; it must be a whole number of at least 1"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"warmup_ratio": 1.0}, "warmup_ratio = 1.0 is not valid; it must be a number of at least 0 and below 1"),
        ({"bias_correction": 1}, "bias_correction = 1 is not valid; it must be true or false"),
        ({"weight_decay": -0.1}, "weight_decay = -0.1"),
        ({"eps": None}, "eps = None"),
        ({"schedule": "linaer"}, "unknown value of schedule 'linaer'; did you mean 'linear'"),
        ({"clip": "per-tensor"}, "one of: none, global, tensor"),
    ],
)
def test_bad_values_are_named_with_their_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        Recipe(**settings)
    assert message in str(error.value)


def test_equal_numbers_make_equal_recipes() -> None:
    """3, 3.0 and numpy's 3 are one recipe and one JSON text, hence one run id."""
    recipes = [Recipe(epochs=3), Recipe(epochs=3.0), Recipe(epochs=np.float64(3)), Recipe(epochs=np.int64(3))]
    assert len({json.dumps(one.to_json()) for one in recipes}) == 1
    assert len(set(recipes)) == 1


@pytest.mark.parametrize("name", RECIPES)
def test_json_round_trip(name: str) -> None:
    """A stored recipe comes back equal and of its own class, through real JSON text."""
    known = RECIPES[name]
    again = from_json(json.loads(json.dumps(known.to_json())))
    assert again == known
    assert type(again) is type(known)


@given(
    st.fixed_dictionaries(
        {"epochs": st.floats(0.01, 100), "p": st.floats(0, 0.99), "max_steps": st.none() | st.integers(1, 10**6)}
    )
)
def test_json_round_trip_of_any_values(settings: dict[str, object]) -> None:
    one = recipe("mixout", **settings)
    assert from_json(json.loads(json.dumps(one.to_json()))) == one


def test_stored_recipes_are_checked() -> None:
    """A recipe from a newer or damaged store is reported by the key that is wrong."""
    with pytest.raises(UserError, match=r"unknown method 'mixup'.*'mixout'"):
        from_json({**Recipe().to_json(), "method": "mixup"})
    with pytest.raises(UserError, match="unknown setting 'p' in a stored fine-tuning recipe"):
        from_json({**Recipe().to_json(), "p": 0.5})
    with pytest.raises(UserError, match="epochs = 'many'"):
        from_json({**Recipe().to_json(), "epochs": "many"})


def test_every_field_is_either_a_setting_or_a_label() -> None:
    """A new field whose annotation is not understood would silently stay out of run ids."""
    for kind in (Recipe, MixoutRecipe):
        names = {field.name for field in dataclasses.fields(kind)}
        assert names - set(kind.field_types()) == {"name", "description", "user_settings"}


@configs
def test_parameter_groups_spare_biases_and_layer_norms(config: object) -> None:
    """Every trained parameter is in one group; decayed are exactly matrices: linear weights and embeddings."""
    model = AutoModelForSequenceClassification.from_config(config)
    frozen = next(iter(model.parameters()))
    frozen.requires_grad_(False)
    decayed, plain = resolve(recipe("devlin", weight_decay=0.3), "bert", None).recipe.parameter_groups(model)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    assert all(parameter.dim() == 2 for parameter in decayed["params"])
    assert all(parameter.dim() == 1 for parameter in plain["params"])
    grouped = [id(parameter) for group in (decayed, plain) for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters() if parameter is not frozen)


def test_open_values_are_refused_until_resolved() -> None:
    """An engine that forgets to resolve must not train with a silent default."""
    with pytest.raises(UserError, match="weight_decay of recipe 'devlin' depends on the model"):
        recipe("devlin").parameter_groups(torch.nn.Linear(1, 1))
    with pytest.raises(UserError, match="learning_rate of recipe 'devlin'"):
        _ = recipe("devlin").peak_learning_rate


@configs
@pytest.mark.parametrize("name", ["devlin", "mixout", "mixout-linear"])
def test_hooks_run_a_step_of_any_family(config: object, name: str) -> None:
    """prepare_model, loss and gradients work together; only Mixout changes the modules, and as its fields say."""
    model = AutoModelForSequenceClassification.from_config(config)
    method = resolve(recipe(name), config.model_type, None).recipe
    method.prepare_model(model)
    mixed = [module for module in model.modules() if isinstance(module, MixLinear)]
    assert bool(mixed) == (method.method == "mixout")
    if isinstance(method, MixoutRecipe):
        assert {module.p for module in mixed} == {method.p}
    batch = {"input_ids": torch.tensor([[1, 2, 3], [3, 2, 1]]), "labels": torch.tensor([0, 1])}
    loss = method.loss(model.train(), batch)
    assert loss.shape == ()
    loss.backward()
    method.after_gradient(model)
    method.after_step(model)
    assert all(module.weight.grad is not None for module in mixed)
