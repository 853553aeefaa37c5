"""A study that is extended keeps what its runs were made with."""

from __future__ import annotations

from collections import Counter

from tests.conftest import REPOSITORY

from seedproof.study.results import Results
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
    assert {run.kept for run in runs if run.cell.recipe == "devlin"} == {("engine plain",)}
    assert len(store.cells()) == 6
    planned = extended.plan(extended.numerics(folder), folder)
    assert engines(extended.fitted(planned, folder)) == engines(runs)  # once more
    assert engines(extended.fitted(planned)) == {("devlin", "fleet"): 3, ("mosbach", "fleet"): 3}  # in a new folder


def recipes_of(runs):
    return Counter(run.cell.recipe for run in runs)


def test_a_method_makes_a_row_of_its_own_and_keeps_it(tiny_model, small_task, tmp_path):
    """Beside the same recipe without it, with another setting, and under either order where that does not matter."""
    folder, base = tmp_path / "study", "devlin(max_steps=1)"
    make_study(tiny_model, small_task, [base], 1).prepare(folder)
    written = [base, f"{base} + llrd", f"{base} + llrd(decay=0.5) + ema", f"{base} + tensor_clip + llrd"]
    _, runs = make_study(tiny_model, small_task, written, 1).prepare(folder)
    assert recipes_of(runs) == dict.fromkeys(written, 1)
    assert len({run.spec.id for run in runs}) == 4
    _, again = make_study(tiny_model, small_task, [f"{base} + ema + llrd(decay=0.5)", f"{base} + llrd"], 2).prepare(
        folder
    )
    assert recipes_of(again) == {written[2]: 2, written[1]: 2}


def test_a_changed_file_of_a_method_is_said_with_the_fix(tiny_model, small_task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (REPOSITORY / "tests" / "methods" / "own.py").read_text()
    (tmp_path / "own_changing.py").write_text(text)
    study = make_study(tiny_model, small_task, ["devlin(max_steps=1) + own_changing:Noise"], 1)
    said: list[str] = []
    store, runs = study.prepare(tmp_path / "study", say=said.append)
    assert not any("changed" in line for line in said)
    assert runs[0].spec.numerics.engine == "plain"
    assert [origin.folder for origin in store.places.extensions()] == [str(tmp_path)]
    (tmp_path / "own_changing.py").write_text(text + "\n")
    study.prepare(tmp_path / "study", say=said.append)
    [line] = [line for line in said if "changed" in line]
    assert "the file of own_changing:Noise has changed since runs of this study were made with its version 1" in line
    assert "raise its version" in line
    assert Results(store).runs()["recipe"].tolist() == ["devlin(max_steps=1) + own_changing:Noise"]
