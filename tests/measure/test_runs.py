"""Measurements by run id: what a run's spec tells, and what is said when something is not there."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from tests.measure.made import TEXTS, make_store

import seedproof
from seedproof.errors import UserError
from seedproof.measure.runs import common_starts, forgetting_of_runs, run_checkpoint, surface_of_runs
from seedproof.methods import method
from seedproof.spec import Seeds
from seedproof.store import Store
from seedproof.store.measurements import measurements

SEEDS = Seeds(head=3, order=1, dropout=1)
RUNS = {
    "failed": (SEEDS, "majority"),
    "good": (dataclasses.replace(SEEDS, order=2), None),
    "other head": (dataclasses.replace(SEEDS, head=4), None),
    "diverged": (dataclasses.replace(SEEDS, dropout=9), "diverged"),
}
SMALL = {"side": 2, "edge": 2, "examples": 8, "jobs": 1}


@pytest.fixture
def store(pretrained, small_task, tmp_path):
    """A study of four runs with weights: its folder and their ids."""
    return tmp_path / "study", make_store(tmp_path / "study", pretrained["bert"], small_task, RUNS)


def test_forgetting_of_runs_is_forgetting_with_labels(store, pretrained):
    folder, ids = store
    table = forgetting_of_runs(folder, [ids["failed"], ids["good"]], TEXTS)
    assert table["outcome"].unique().tolist() == ["failed", "succeeded"]
    assert table["seed"].unique().tolist() == ["3/1/1", "3/2/1"]
    direct = seedproof.forgetting(folder / "runs" / ids["good"] / "weights", pretrained["bert"], TEXTS)
    part = table[table["run"] == ids["good"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(part[direct.columns], direct)
    assert len(measurements(folder)) == 2
    left = folder / "measurements" / f"forgetting-{ids['good']}" / "forgetting.csv"
    pd.testing.assert_frame_equal(pd.read_csv(left), part)


def test_a_surface_takes_everything_from_the_runs(store, pretrained, small_task):
    folder, ids = store
    found = surface_of_runs(folder, ids["failed"], ids["good"], **SMALL)
    weights = [folder / "runs" / ids[name] / "weights" for name in ("failed", "good")]
    direct = seedproof.surface(pretrained["bert"], *weights, task=small_task, head_seed=3, **SMALL)
    pd.testing.assert_frame_equal(found.grid, direct.grid, check_exact=True)
    (kept,) = measurements(folder)
    assert kept.is_finished
    assert kept.description == found.settings
    left = folder / "measurements" / f"surface-{ids['failed']}-{ids['good']}"
    pd.testing.assert_frame_equal(pd.read_csv(left / "grid.csv"), found.grid)


def test_runs_without_weights_name_the_command(pretrained, small_task, tmp_path):
    ids = make_store(tmp_path / "my study", pretrained["bert"], small_task, RUNS, weights=False)
    for ask in (
        lambda: forgetting_of_runs(tmp_path / "my study", [ids["failed"]], TEXTS),
        lambda: surface_of_runs(tmp_path / "my study", ids["failed"], ids["good"]),
    ):
        with pytest.raises(
            UserError, match=r"kept no weights.*study run '.*my study/study\.toml' --out '.*' --weights"
        ):
            ask()


def test_of_many_study_files_that_of_the_run_is_named(pretrained, small_task, tmp_path):
    """A reproduction has dozens; nobody wants all of them in a message."""
    ids = make_store(tmp_path / "study", pretrained["bert"], small_task, RUNS, weights=False)
    opened = Store.open(tmp_path / "study")
    spec = opened.run(ids["failed"]).spec
    for head in (4, 3):
        opened.add_definition(
            f"tasks = ['{spec.task.name}']\nmodels = ['{spec.model.name}']\nrecipes = ['{spec.recipe['name']}']\n"
            f"seeds = [{{ head = {head}, order = 1, dropout = 1 }}]\n"
        )
    right = opened.definitions()[-1].name
    with pytest.raises(UserError, match=rf"study run [^ ]*{right} --out [^ ]* --weights$"):
        forgetting_of_runs(tmp_path / "study", [ids["failed"]], TEXTS)


def test_runs_that_began_with_another_head(store):
    folder, ids = store
    with pytest.raises(UserError, match=rf"head seed differs: 3 and 4\).*go: {ids['good']}$"):
        surface_of_runs(folder, ids["failed"], ids["other head"], **SMALL)
    assert common_starts(folder) == [(ids["failed"], ids["good"])]


def test_runs_that_drew_parameters_anew_have_no_plane(pretrained, small_task, tmp_path):
    """The pre-trained model is not where they began, so the plane through it would show another training."""
    ids = make_store(tmp_path / "study", pretrained["bert"], small_task, RUNS, methods=[method("reinit", layers=1)])
    with pytest.raises(
        UserError, match=rf"run {ids['failed']} did not begin .* its method reinit drew parameters anew"
    ):
        surface_of_runs(tmp_path / "study", ids["failed"], ids["good"], **SMALL)
    assert common_starts(tmp_path / "study") == []


def test_outcomes_that_are_not_as_said(store):
    folder, ids = store
    with pytest.raises(UserError, match=rf"run {ids['good']} succeeded, but is given as the one that failed"):
        surface_of_runs(folder, ids["good"], ids["failed"], **SMALL)


def test_runs_that_are_not_there(store):
    folder, ids = store
    with pytest.raises(UserError, match="has no run '0123456789abcdef'"):
        run_checkpoint(folder, "0123456789abcdef")
    with pytest.raises(UserError, match="has no run '3'"):
        run_checkpoint(folder, "3")
    (folder / "runs" / ids["good"] / "result.json").unlink()
    with pytest.raises(UserError, match="is not finished"):
        run_checkpoint(folder, ids["good"])
    with pytest.raises(UserError, match="at least one run"):
        forgetting_of_runs(folder, [], TEXTS)
