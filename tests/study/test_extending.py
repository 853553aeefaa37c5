"""A study that is extended keeps what its runs were made with."""

from __future__ import annotations

from collections import Counter

from seedproof.study.study import Study


def make_study(model, task, recipes, seeds):
    return Study("engines", tasks=[task], models=[str(model)], recipes=recipes, seeds=seeds, engine="fleet")


def engines(runs):
    return Counter((run.cell.recipe, run.spec.numerics.engine) for run in runs)


def test_what_was_trained_by_the_plain_engine_stays_so_when_the_fleet_learns_its_family(
    tiny_model, small_task, tmp_path, monkeypatch
):
    folder = tmp_path / "study"
    with monkeypatch.context() as patch:  # an earlier version, whose fleet did not know the family
        patch.setattr("seedproof.training.fleet.engine.architecture_of", lambda _config: None)
        _, before = make_study(tiny_model, small_task, ["devlin"], 2).prepare(folder)
    assert engines(before) == {("devlin", "plain"): 2}
    extended = make_study(tiny_model, small_task, ["devlin", "mosbach"], 3)
    store, runs = extended.prepare(folder)
    assert engines(runs) == {("devlin", "plain"): 3, ("mosbach", "fleet"): 3}
    assert {run.spec.id for run in before} < {run.spec.id for run in runs}
    assert {run.kept for run in runs if run.cell.recipe == "devlin"} == {("engine",)}
    assert len(store.cells()) == 6
    planned = extended.plan(extended.numerics(folder), folder)
    assert engines(extended.fitted(planned, folder)) == engines(runs)  # once more
    assert engines(extended.fitted(planned)) == {("devlin", "fleet"): 3, ("mosbach", "fleet"): 3}  # in a new folder
