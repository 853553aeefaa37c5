"""Names that have changed: the former ones are read where they are stored, and taken from users with a warning."""

from __future__ import annotations

import dataclasses

import pytest

from seedproof.deprecation import DeprecatedName
from seedproof.recipes import RECIPES, Recipe, from_json, parse_setting, recipe, resolve
from seedproof.renamed import FIELDS, FORMER, takes_former_names
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Cell, Store
from seedproof.study.extending import fit_into
from seedproof.study.planning import PlannedRun
from seedproof.study.study import Study

VALUES = {"warmup_ratio": 0.2, "max_grad_norm": 0.5, "initializer_range": 0.1, "dropout_scope": "modules"}


@pytest.mark.parametrize(("name", "former"), FIELDS.items())
@pytest.mark.parametrize(
    "given",
    [
        lambda former, value: recipe("devlin", **{former: value}),
        lambda former, value: recipe(f"devlin({former}={value})"),
        lambda former, value: recipe("devlin", **dict([parse_setting(f"{former}={value}")])),
        lambda former, value: Recipe(name=f"devlin({FORMER[former]}={value})", **{former: value}),
        lambda former, value: dataclasses.replace(
            RECIPES["devlin"], name=f"devlin({FORMER[former]}={value})", **{former: value}
        ),
        lambda former, value: resolve(RECIPES["devlin"], "bert", None, {former: value}).recipe,
        lambda former, value: (
            Study("s", tasks=["t"], models=["m"], recipes=["devlin"], settings={former: value}).settings
        ),
    ],
    ids=["keyword", "written", "set", "constructor", "replace", "resolve", "study"],
)
def test_a_former_name_is_taken_and_todays_is_named(given, name, former):
    with pytest.warns(DeprecatedName, match=f"^{former} is deprecated .* use {name}"):
        found = given(former, VALUES[name])
    if isinstance(found, Recipe):
        assert found.name == f"devlin({name}={VALUES[name]})"
        with pytest.warns(DeprecatedName):
            assert getattr(found, former) == getattr(found, name) == VALUES[name]
    else:
        assert found == {name: VALUES[name]}


def test_a_recipe_is_stored_under_the_former_names_and_read_back_without_a_warning():
    changed = recipe("devlin", **VALUES)
    assert {former: changed.to_json()[former] for former in FORMER} == {
        FIELDS[name]: value for name, value in VALUES.items()
    }
    assert not changed.to_json().keys() & FIELDS.keys()
    assert from_json(changed.to_json()) == changed


def test_a_study_file_has_todays_names():
    study = Study("s", tasks=["t"], models=["m"], recipes=[recipe("devlin", label="mine", **VALUES)])
    text = study.to_toml()
    assert "warmup_ratio = 0.2" in text
    assert "warmup = " not in text


def test_more_seeds_of_a_recipe_that_is_stored_under_a_former_name_join_its_row(tmp_path):
    settled = resolve(recipe("mosbach", warmup_ratio=0.2), "bert", None).recipe
    spec = RunSpec(
        task=TaskReference(name="t", fingerprint="a" * 64, train_examples=10, dev_examples=5),
        model=ModelReference(name="m", fingerprint="b" * 64, family="bert"),
        recipe=settled.to_json(),
        seeds=Seeds.from_number(0),
        numerics=Numerics(),
    )
    before = dataclasses.replace(spec, recipe={**spec.recipe, "name": "mosbach(warmup=0.2)"})
    store = Store.create(tmp_path / "study", "s", spec.numerics)
    store.add(before)
    store.add_cells([Cell.of(before)])
    more = [dataclasses.replace(spec, seeds=Seeds.from_number(seed)) for seed in (0, 1)]
    same, new = fit_into(store, [PlannedRun(Cell.of(each), each) for each in more])
    assert same.cell == Cell.of(before)
    assert (new.cell.recipe, new.cell.seed) == ("mosbach(warmup=0.2)", "1")


def test_a_function_takes_a_keyword_by_its_former_name():
    @takes_former_names({"old": "new"})
    def double(*, new):
        return 2 * new

    assert double(new=2) == 4
    with pytest.warns(DeprecatedName, match="^old is deprecated .* use new"):
        assert double(old=3) == 6
