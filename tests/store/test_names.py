"""One name means one thing in a study's tables, also when runs of other studies come into it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seedproof.spec import Numerics, RunSpec
from seedproof.store import Cell, Store
from seedproof.store.names import differing_settings

MakeSpec = Callable[[int], RunSpec]


@pytest.fixture
def merged(tmp_path: Path, make_spec: MakeSpec) -> Callable[..., list[tuple[str, str, str, str]]]:
    """The names of the cells of a store with seed 0, after runs were copied in: task, model, recipe, seed."""
    store = Store.create(tmp_path / "study", "first", Numerics())
    store.add(make_spec(0))
    store.add_cells([Cell.of(make_spec(0))])

    def merge(*specs: RunSpec) -> list[tuple[str, str, str, str]]:
        other = Store.create(tmp_path / "other", "second", Numerics())
        for spec in specs:
            other.add(spec)
        shutil.copytree(other.path / "runs", store.path / "runs", dirs_exist_ok=True)
        return [(cell.task, cell.model, cell.recipe, cell.seed) for cell in store.cells()[1:]]

    return merge


def changed(spec: RunSpec, **recipe: object) -> RunSpec:
    return dataclasses.replace(spec, recipe={**spec.recipe, **recipe})


def test_the_same_by_other_names_joins_the_row(merged, make_spec):
    spec = make_spec(7)
    spec = dataclasses.replace(
        spec,
        model=dataclasses.replace(spec.model, name="elsewhere/bert"),
        task=dataclasses.replace(spec.task, name="rte"),
    )
    assert merged(changed(spec, name="as named elsewhere")) == [("glue/rte", "miniature/bert", "devlin", "7")]


def test_other_settings_under_the_same_name_are_told(merged, make_spec):
    """As stores hold them in which a setting left no trace in the name."""
    assert merged(changed(make_spec(7), epochs=5.0)) == [("glue/rte", "miniature/bert", "devlin(epochs=5)", "7")]


def test_other_data_and_weights_under_the_same_names_are_told(merged, make_spec):
    spec = make_spec(7)
    data = dataclasses.replace(spec, task=dataclasses.replace(spec.task, fingerprint="c" * 64))
    weights = dataclasses.replace(spec, model=dataclasses.replace(spec.model, fingerprint="d" * 64))
    assert sorted(merged(data, weights)) == [
        ("glue/rte", "miniature/bert (other weights, dddddddd)", "devlin", "7"),
        ("glue/rte (other data, cccccccc)", "miniature/bert", "devlin", "7"),
    ]


def test_another_machine_joins_unless_the_seed_is_there_already(merged, make_spec):
    """One seed is one run of a row; the precision is a treatment of its own."""

    def on(seed: int, **numerics: object) -> RunSpec:
        return dataclasses.replace(make_spec(seed), numerics=Numerics(**numerics))

    recipes = {
        seed: recipe for *_, recipe, seed in merged(on(1, device="cuda"), on(0, threads=2), on(2, precision="bf16"))
    }
    assert recipes == {"1": "devlin", "0": "devlin(threads=2)", "2": "devlin(precision=bf16)"}


def test_differences_are_found_field_by_field(make_spec):
    other = dataclasses.replace(changed(make_spec(3), epochs=5, clip="none"), numerics=Numerics(threads=2))
    assert differing_settings(make_spec(0), other) == {"epochs": (3, 5), "clip": (None, "none"), "threads": (1, 2)}


def test_a_planned_run_takes_the_name_that_the_study_has_for_it(tmp_path, make_spec):
    """The old name of the same settings, for runs that are there and for further seeds; labels stand as they are."""
    store = Store.create(tmp_path / "study", "old", Numerics())
    store.add(make_spec(0))
    store.add_cells([Cell.of(make_spec(0))])
    names = store.names()
    for seed in (0, 1):
        spec = changed(make_spec(seed), name="devlin(epochs=3)")
        assert names.as_known(Cell.of(spec), spec).recipe == "devlin"
        label = changed(make_spec(seed), name="our label")
        assert names.as_known(Cell.of(label), label).recipe == "our label"
    other = changed(make_spec(1), name="devlin(epochs=5)", epochs=5)
    assert names.as_known(Cell.of(other), other).recipe == "devlin(epochs=5)"


def test_a_lost_run_keeps_its_names(tmp_path, make_spec):
    store = Store.create(tmp_path / "study", "old", Numerics())
    spec = make_spec(0)
    store.add(spec)
    store.add_cells([dataclasses.replace(Cell.of(spec), recipe="devlin", model="first name")])
    shutil.rmtree(store.path / "runs")
    planned = changed(spec, name="devlin(epochs=3)")
    assert store.names().as_known(Cell.of(planned), planned) == store.cells()[0]
