"""The run's id: equal content, equal id; anything that changes numbers changes it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference, canonical_json


def make_spec(**changes):
    spec = RunSpec(
        task=TaskReference(name="miniature/entailment", fingerprint="a" * 64, train_examples=10, dev_examples=5),
        model=ModelReference(name="miniature/bert", fingerprint="b" * 64, family="bert"),
        recipe={"name": "devlin", "epochs": 3.0, "learning_rate": 2e-5},
        seeds=Seeds.from_number(7),
        numerics=Numerics(),
    )
    return dataclasses.replace(spec, **changes)


def test_an_id_is_stable_across_versions():
    # A golden value: were it to change, every stored study would run again.
    assert make_spec().id == "35e76fcfc4e9cacc"


def test_names_and_places_are_not_part_of_the_id():
    spec = make_spec()
    renamed = make_spec(
        task=dataclasses.replace(spec.task, name="elsewhere"),
        model=dataclasses.replace(spec.model, name="/another/folder"),
        recipe={**spec.recipe, "name": "other label"},
    )
    assert renamed.id == spec.id


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"name": "devlin", "epochs": 4.0, "learning_rate": 2e-5}},
        {"seeds": Seeds(head=7, order=7, dropout=8)},
        {"numerics": Numerics(threads=2)},
        {"numerics": Numerics(precision="bf16")},
        {"model": ModelReference(name="miniature/bert", fingerprint="c" * 64, family="bert")},
        {"task": TaskReference(name="x", fingerprint="d" * 64, train_examples=10, dev_examples=5)},
    ],
)
def test_whatever_changes_numbers_changes_the_id(changes):
    assert make_spec(**changes).id != make_spec().id


def test_a_spec_survives_json():
    spec = make_spec()
    again = RunSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again.id == spec.id
    assert again.seeds == spec.seeds


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"x": float("nan")})


def test_seed_labels():
    assert Seeds.from_number(7).label == "7"
    assert Seeds(head=1, order=7, dropout=7).label == "1/7/7"
