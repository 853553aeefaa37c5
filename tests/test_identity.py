"""Ids and fingerprints stay: a run stored by an earlier version is the same run for every later one."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

import pytest

from seedproof import recipes
from seedproof.models.source import find_model
from seedproof.recipes import RECIPES, Recipe, from_json, resolve
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Cell, Store
from seedproof.study.extending import fit_into
from seedproof.study.planning import PlannedRun
from seedproof.tasks import load_task

PINNED = json.loads((Path(__file__).parent / "assets" / "identities.json").read_text())


def spec_of(recipe: Recipe, family: str, engine: Literal["plain", "fleet"] = "plain") -> RunSpec:
    return RunSpec(
        task=TaskReference(name="t", fingerprint="a" * 64, train_examples=10, dev_examples=5),
        model=ModelReference(name="m", fingerprint="b" * 64, family=family),
        recipe=recipe.to_json(),
        seeds=Seeds.from_number(7),
        numerics=Numerics(engine=engine),
    )


@pytest.mark.parametrize("name", PINNED["runs"])
def test_a_named_recipe_has_the_id_it_always_had(name):
    family, engine, recipe = name.split()
    resolved = resolve(RECIPES[recipe], family, None).recipe
    assert spec_of(resolved, family, engine).id == PINNED["runs"][name]


@pytest.mark.parametrize("name", PINNED["models"])
def test_a_shipped_model_has_the_fingerprint_it_always_had(name):
    """Stores know models by it: who ships other weights changes it knowingly, and tells users (miniature/bert, 2026-11-26)."""
    assert find_model(name).fingerprint == PINNED["models"][name]


@pytest.mark.parametrize("name", [name for name in PINNED["tasks"] if name.startswith("miniature/")])
def test_a_miniature_task_has_the_fingerprint_it_always_had(name):
    assert load_task(name).fingerprint == PINNED["tasks"][name]


@pytest.mark.parametrize("name", [name for name in PINNED["tasks"] if name.startswith("glue/") and "sst2" not in name])
def test_a_glue_task_has_the_fingerprint_it_always_had(name, glue_dir):
    assert load_task(name, data_dir=str(glue_dir)).fingerprint == PINNED["tasks"][name]


@dataclass(frozen=True, kw_only=True)
class Later(Recipe):
    """A recipe with a field that came when stores existed."""

    method: ClassVar[str] = "later"
    ADDED: ClassVar = MappingProxyType({**Recipe.ADDED, "rounding": "whole"})

    rounding: Literal["whole", "exact"] | None = None


@pytest.fixture
def later(monkeypatch):
    monkeypatch.setattr(recipes, "METHODS", {**recipes.METHODS, "later": Later})
    return Later(name="later")


def test_a_field_that_means_as_before_is_not_stored_and_read_back_as_before(later):
    resolved = resolve(later, "bert", None).recipe
    assert resolved.rounding == "whole"
    assert "rounding" not in resolved.to_json()
    assert from_json(resolved.to_json()) == resolved


def test_a_field_with_another_meaning_makes_another_run(later):
    before = resolve(later, "bert", None).recipe
    now = resolve(later, "bert", None, added={"rounding": "exact"})
    assert now.origins["rounding"] == "model"
    assert spec_of(now.recipe, "bert").id != spec_of(before, "bert").id
    assert from_json(now.recipe.to_json()) == now.recipe


def test_what_the_user_sets_wins_over_what_the_model_calls_for(later):
    resolved = resolve(later, "bert", None, {"rounding": "whole"}, added={"rounding": "exact"})
    assert (resolved.recipe.rounding, resolved.origins["rounding"]) == ("whole", "user")


def test_more_seeds_of_a_recipe_that_a_store_has_mean_what_it_meant_there(later, tmp_path):
    first = spec_of(resolve(later, "bert", None).recipe, "bert")
    store = Store.create(tmp_path / "study", "s", first.numerics)
    store.add(first)
    store.add_cells([Cell.of(first)])
    now = resolve(later, "bert", None, added={"rounding": "exact"}).recipe
    spec = dataclasses.replace(spec_of(now, "bert"), seeds=Seeds.from_number(8))
    elsewhere = dataclasses.replace(spec, recipe={**spec.recipe, "name": "other"})
    kept, new = fit_into(store, [PlannedRun(Cell.of(each), each) for each in (spec, elsewhere)])
    assert (kept.spec.recipe, kept.kept) == (first.recipe, ("rounding",))
    assert kept.cell.id == kept.spec.id
    assert (new.spec, new.kept) == (elsewhere, ())


def test_numerics_that_mean_as_before_are_not_hashed(monkeypatch):
    before = spec_of(resolve(RECIPES["devlin"], "bert", None).recipe, "bert")
    monkeypatch.setattr(Numerics, "ADDED", {"threads": 1})
    now = dataclasses.replace(before)
    assert "threads" not in now.to_json()["numerics"]
    assert RunSpec.from_json(now.to_json()) == now
    assert "threads" in dataclasses.replace(now, numerics=Numerics(threads=2)).to_json()["numerics"]
