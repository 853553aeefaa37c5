"""A study that is extended keeps what its runs were made with."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter

import pytest
from tests.conftest import REPOSITORY

from seedproof.errors import UserError
from seedproof.recipes import recipe
from seedproof.store import Store
from seedproof.study.results import Results
from seedproof.study.study import Study
from seedproof.tasks import Split


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


def other_data(task):
    train = task.train
    return dataclasses.replace(task, train=Split(train.texts[1:], train.pairs[1:], train.labels[1:]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("data", r"already has the task 'small', and now the data differ: there 40 \+ 30 examples, now 39 \+ 30"),
        (
            "weights",
            r"already has the model .*/model, and now the weights differ: .*give the folder of the model another",
        ),
        ("settings", r"already has 'mine' with .*/model, and now the settings differ: epochs \(there 3, now 5\)"),
    ],
)
def test_a_name_means_one_thing_also_beside_other_names(tiny_model, small_task, tmp_path, changed, message):
    """Rows stand side by side and are compared seed by seed: another recipe or task must not bring other data under a name."""
    folder, model = tmp_path / "study", shutil.copytree(tiny_model, tmp_path / "model")
    first = make_study(model, small_task, [recipe("devlin", label="mine", epochs=3.0)], 1)
    store, _ = first.prepare(folder)
    before = (folder / "runs.jsonl").read_bytes()
    task, recipes = small_task, ["mosbach"]
    if changed == "data":
        task = other_data(small_task)
    if changed == "weights":
        (model / "tokenizer_config.json").write_text("{}")
    if changed == "settings":
        task = dataclasses.replace(other_data(small_task), name="another")
        recipes = [recipe("devlin", label="mine", epochs=5.0)]
    extended = make_study(model, task, recipes, 1)
    with pytest.raises(UserError, match=message):
        extended.prepare(folder)
    with pytest.raises(UserError, match=message):  # a dry run says it too
        extended.fitted(extended.plan(extended.numerics(folder), folder), folder)
    assert (folder / "runs.jsonl").read_bytes() == before
    assert len(store.cells()) == 1


def test_a_store_in_which_a_name_stands_for_two_things_opens_and_goes_on(tiny_model, small_task, tmp_path):
    """As earlier versions let it come to be; both rows take more seeds, and a third meaning is refused."""
    folder, second = tmp_path / "study", other_data(small_task)
    store, _ = make_study(tiny_model, small_task, ["devlin"], 1).prepare(folder)
    _, others = make_study(tiny_model, second, ["mosbach"], 1).prepare(tmp_path / "elsewhere")
    second.write(store.task_folder(second.fingerprint))
    for run in others:
        store.add(run.spec)
        store.add_cells([run.cell])
    for task, name in ((small_task, "devlin"), (second, "mosbach")):
        make_study(tiny_model, task, [name], 2).prepare(folder)
    assert recipes_of_cells(Store.open(folder).cells()) == {"devlin": 2, "mosbach": 2}
    with pytest.raises(UserError, match="already has the task 'small'"):
        make_study(tiny_model, other_data(second), ["mixout"], 1).prepare(folder)


def test_runs_that_were_copied_in_keep_their_names_too(tiny_model, small_task, tmp_path):
    folder, other = tmp_path / "study", dataclasses.replace(other_data(small_task), name="theirs")
    make_study(tiny_model, small_task, ["devlin"], 1).prepare(folder)
    make_study(tiny_model, other, ["devlin"], 1).prepare(tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "elsewhere" / "runs", folder / "runs", dirs_exist_ok=True)
    make_study(tiny_model, other, ["mosbach"], 1).prepare(folder)
    with pytest.raises(UserError, match="already has the task 'theirs'"):
        make_study(tiny_model, dataclasses.replace(small_task, name="theirs"), ["mixout"], 1).prepare(folder)


def recipes_of_cells(cells):
    return Counter(cell.recipe for cell in cells)
