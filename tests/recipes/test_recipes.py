"""The named recipes hold the paper's values; names, labels and settings are read as documented."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from seedproof.errors import UserError
from seedproof.methods.mixout import Mixout
from seedproof.recipes import RECIPES, Recipe, parse_setting, recipe

DIFFERENCES = {
    "devlin": {},
    "devlin-bertadam": {"clip": "tensor", "decay": "old", "schedule": "linear-drop"},
    "devlin-quarter-lr": {"learning_rate_factor": 0.25},
    "mosbach": {"bias_correction": True, "epochs": 20.0},
    "mosbach-v1": {"bias_correction": True, "epochs": 20.0, "select": "best"},
    "mixout": {"dropout": 0.0},
    "mixout-linear": {"dropout": 0.0},
}
METHODS = {
    "mixout": (Mixout(p=0.9, where="lee", legacy_gradient=False, covers=None),),
    "mixout-linear": (Mixout(p=0.1, where="linear", legacy_gradient=False, covers=None),),
}


def test_devlin_has_the_values_of_the_paper() -> None:
    """Section 2 of the paper; None is left to the family or the model's card."""
    assert dataclasses.asdict(RECIPES["devlin"]) == {
        "name": "devlin",
        "description": RECIPES["devlin"].description,
        "user_settings": frozenset(),
        "methods": (),
        "learning_rate": None,
        "learning_rate_factor": 1.0,
        "epochs": 3.0,
        "max_steps": None,
        "extra_step": False,
        "batch_size": 16,
        "warmup_ratio": 0.1,
        "warmup_end": None,
        "schedule": "linear",
        "dropout": None,
        "dropout_scope": None,
        "max_length": 128,
        "initializer_range": 0.02,
        "beta1": None,
        "beta2": None,
        "eps": 1e-6,
        "weight_decay": None,
        "bias_correction": False,
        "decay": "updated",
        "eps_place": "before",
        "clip": None,
        "max_grad_norm": 1.0,
        "select": "last",
        "select_metric": None,
        "segment_ids": True,
        "inputs": None,
        "new_head": None,
        "no_decay": None,
    }


def test_the_others_differ_from_it_exactly_where_they_should() -> None:
    devlin = RECIPES["devlin"]
    for name, known in RECIPES.items():
        changed = {key for key in devlin.field_types() if getattr(known, key) != getattr(devlin, key)}
        assert {key: getattr(known, key) for key in changed} == DIFFERENCES[name]
        assert known.methods == METHODS.get(name, ())
        assert known.name == name
        assert 0 < len(known.description) < 110
        assert "\n" not in known.description
    assert RECIPES.keys() == DIFFERENCES.keys()


def test_labels() -> None:
    assert recipe("mosbach").name == "mosbach"
    assert recipe("mosbach", epochs=10).name == "mosbach(epochs=10)"
    assert recipe("mosbach", epochs=10.0).name == "mosbach(epochs=10)"
    assert recipe("devlin", learning_rate=3e-5, clip="none").name == "devlin(learning_rate=3e-05, clip=none)"
    assert recipe("devlin-bertadam", clip=None).name == "devlin-bertadam(clip=default)"
    assert recipe("devlin", label="mine", epochs=1).name == "mine"


def test_overrides_keep_the_method_and_leave_the_named_recipe_alone() -> None:
    changed = recipe("mixout", p=0.5)
    assert changed.methods == (Mixout(p=0.5),)
    assert RECIPES["mixout"].methods == (Mixout(p=0.9),)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown recipe 'mossbach'; did you mean 'mosbach'"):
        recipe("mossbach")
    with pytest.raises(UserError, match="unknown setting 'epoch' in recipe 'devlin'; did you mean 'epochs'"):
        recipe("devlin", epoch=3)
    with pytest.raises(UserError, match="unknown setting 'user_settings'"):
        recipe("devlin", user_settings=frozenset())
    with pytest.raises(UserError, match="unknown setting 'p' in recipe 'devlin'"):
        recipe("devlin", p=0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=3e-5", ("learning_rate", 3e-5)),
        (" epochs = 5 ", ("epochs", 5.0)),
        ("batch_size=32", ("batch_size", 32)),
        ("max_steps=none", ("max_steps", None)),
        ("dropout=default", ("dropout", None)),
        ("clip=none", ("clip", "none")),
        ("clip=default", ("clip", None)),
        ("schedule=Linear-Drop", ("schedule", "linear-drop")),
        ("bias_correction=on", ("bias_correction", True)),
        ("segment_ids=False", ("segment_ids", False)),
        ("p=.5", ("p", 0.5)),
        ("where=linear", ("where", "linear")),
    ],
)
def test_settings_are_read_by_the_type_of_their_field(text: str, expected: tuple[str, object]) -> None:
    """``clip=none`` is the choice "no clipping", not "the default": the two differ on BERT."""
    name, value = parse_setting(text)
    assert (name, value) == expected
    assert type(value) is type(expected[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs", "has no '='"),
        ("learning_rat=1", "did you mean 'learning_rate'"),
        ("name=x", "unknown setting 'name'"),
        ("epochs=many", "epochs = 'many' is not valid; it must be a number above 0"),
        ("epochs=", "epochs = ''"),
        ("epochs=none", "epochs = 'none'"),
        ("learning_rate=nan", "learning_rate = nan"),
        ("learning_rate=inf", "learning_rate = inf"),
        ("batch_size=1.5", "a whole number of at least 1"),
        ("bias_correction=maybe", "must be true or false"),
        ("schedule=linaer", "did you mean 'linear'"),
        ("clip=globl", "did you mean 'global'"),
    ],
)
def test_bad_settings_say_what_is_valid(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_setting(text)
    assert message in str(error.value)


def test_recipes_load_no_heavy_package() -> None:
    """``seedproof ls recipes`` must be quick: torch, transformers and pandas stay unloaded."""
    code = "import sys, seedproof.recipes; print({'torch', 'transformers', 'pandas'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


def test_recipes_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 5  # type: ignore[misc]
