"""The options of a person's own table become the task and the recipes of a study."""

from __future__ import annotations

import pytest

from seedproof.cli.given import study_of
from seedproof.cli.own_table import class_weights_of
from seedproof.errors import UserError
from seedproof.methods.class_weights import ClassWeights


def test_class_weights_are_a_method() -> None:
    assert class_weights_of(None) is None
    assert class_weights_of(["balanced"]) == ClassWeights()
    assert class_weights_of(["a=b=2", "ham=.5"]) == ClassWeights.of({"a=b": 2.0, "ham": 0.5})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["balanced", "spam=2"], "--class-weights balanced leaves nothing to 'spam=2'"),
        (["spam"], "neither balanced nor NAME=W, such as spam=5"),
        (["=5"], "neither balanced nor NAME=W"),
        (["spam=much"], "'much' is no number"),
        (["spam=-1"], "the weight -1.0 of the class 'spam' is no number above 0"),
        (["spam=1", "spam=2"], "names the class 'spam' twice"),
    ],
)
def test_what_is_no_class_weight(given: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        class_weights_of(given)


def test_a_study_of_a_table_with_all_of_them() -> None:
    table = {"text": "body", "label": ["toxic", "spam"], "label_separator": None, "group": "doc", "id": "row"}
    study = study_of(
        "s",
        tasks=["t.csv"],
        models=["miniature/bert-shallow"],
        recipes=["mosbach", "devlin + llrd"],
        seeds=2,
        first_seed=0,
        settings=None,
        options={**table, "data_dir": None, "dev": None, "metric": None},
        class_weights=ClassWeights(),
    )
    [task] = study.tasks
    assert task == {"file": "t.csv", **{key: value for key, value in table.items() if value is not None}}
    assert [recipe.name for recipe in study.recipes] == ["mosbach + class_weights", "devlin + llrd + class_weights"]
