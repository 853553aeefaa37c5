"""A study from a plain script: run, continued, extended, moved; and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seedproof.errors import UserError
from seedproof.recipes import RECIPES, recipe
from seedproof.spec import Numerics
from seedproof.store import Store
from seedproof.study.results import open_results
from seedproof.study.study import Study
from seedproof.tasks import Split, Task

# No main guard, a task made in memory, as somebody would write it.
SCRIPT = """
import sys
import numpy as np
import seedproof as sp

texts = [f"the dog sees the cat {number}" for number in range(12)]
split = sp.Split(texts, None, np.arange(12) % 2)
task = sp.Task("memory", split, split, ("no", "yes"), ("accuracy",))
study = sp.Study("script", tasks=[task], models=[sys.argv[1]], seeds=2, settings={"max_steps": 3},
                 recipes=[sp.recipe("devlin"), sp.recipe("devlin", bias_correction=True)])
results = study.run("out/first", jobs=1)
print(results.summary()[["recipe", "runs", "finished"]].to_csv(index=False))
"""
DEVLIN, CORRECTED = "devlin(max_steps=3)", "devlin(bias_correction=True, max_steps=3)"


@pytest.fixture(scope="module")
def scripted(tiny_model, tmp_path_factory) -> tuple[Path, str]:
    """The folder in which the script ran, and what it printed."""
    folder = tmp_path_factory.mktemp("script")
    return folder, run_script(folder, tiny_model)


def run_script(folder: Path, model: Path) -> str:
    (folder / "plain.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "plain.py", str(model)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 runs finished" in done.stderr
    return done.stdout


def in_memory_task(name: str = "memory", flip: int = 0) -> Task:
    """The script's task; ``flip`` makes another one of it."""
    texts = [f"the dog sees the cat {number}" for number in range(12)]
    split = Split(texts, None, (np.arange(12) + flip) % 2)
    return Task(name=name, train=split, dev=split, classes=("no", "yes"), metrics=("accuracy",))


def make_study(model: Path, **changes) -> Study:
    fields = {
        "tasks": [in_memory_task()],
        "models": [str(model)],
        "seeds": 2,
        "settings": {"max_steps": 3},
        "recipes": [recipe("devlin"), recipe("devlin", bias_correction=True)],
    }
    return Study("script", **(fields | changes))


@pytest.fixture(scope="module")
def prepared(tiny_model, tmp_path_factory) -> Path:
    """The script's study, of which no run is executed yet."""
    folder = tmp_path_factory.mktemp("prepared") / "study"
    make_study(tiny_model).prepare(folder)
    return folder


def copy_of(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "moved" / "study"))


def attempts(folder: Path) -> dict[str, int]:
    store = Store.open(folder)
    return {id_: len(store.run(id_).attempts()) for id_ in store.run_ids()}


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a store but locks."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_plain_script_runs_a_study(scripted):
    assert scripted[1].split("\n")[:3] == ["recipe,runs,finished", f"{DEVLIN},2,2", f'"{CORRECTED}",2,2']


@pytest.mark.slow
def test_the_same_script_again_runs_nothing(scripted, tiny_model):
    folder = scripted[0] / "out" / "first"
    before = content(folder)
    assert run_script(scripted[0], tiny_model) == scripted[1]
    assert content(folder) == before
    assert set(attempts(folder).values()) == {1}


@pytest.mark.slow
def test_the_same_study_anywhere_has_the_same_ids(scripted, tiny_model):
    runs = make_study(tiny_model).plan(Numerics()).runs
    assert {run.cell.id for run in runs} == set(attempts(scripted[0] / "out" / "first"))


@pytest.mark.slow
def test_a_moved_folder_works_and_is_extended(scripted, tiny_model, tmp_path, small_task):
    """More seeds, recipes and tasks: what was there stays, byte for byte, and only the new runs are executed."""
    folder = copy_of(scripted[0] / "out" / "first", tmp_path)
    before = {name: data for name, data in content(folder).items() if name.startswith(("runs/", "study.toml"))}
    wider = make_study(
        tiny_model,
        tasks=[in_memory_task(), in_memory_task("other", flip=1)],
        seeds=[2, 0],
        recipes=["devlin", "mosbach"],
        settings={"max_steps": 3},
    )
    results = wider.run(folder, jobs=1, progress=False)
    runs = results.runs()
    # four old runs; seeds 2 and 0 of two recipes on two tasks, of which (memory, devlin, 0) was there
    assert len(runs) == 4 + 2 * 2 * 2 - 1
    assert set(runs["state"]) == {"finished"}
    assert before.items() <= content(folder).items()
    assert set(attempts(folder).values()) == {1}
    assert [path.name for path in Store.open(folder).definitions()] == ["study.toml", "study-2.toml"]


def test_the_definition_in_the_folder_makes_the_same_runs(prepared, tmp_path):
    """Read back from wherever the folder is now, with its in-memory task, and preparing it adds nothing."""
    folder = copy_of(prepared, tmp_path)
    before = content(folder)
    again = Study.read(folder / "study.toml")
    _, runs = again.prepare(folder)
    assert {run.cell.id for run in runs} == set(attempts(folder))
    assert content(folder) == before


def test_weights_keep_their_name_in_a_study(prepared, tiny_model, tmp_path):
    """The same model by another path is no other model: its runs are not listed twice."""
    folder = copy_of(prepared, tmp_path)
    moved = shutil.copytree(tiny_model, tmp_path / "moved-model")
    make_study(Path(moved), seeds=3).prepare(folder)
    runs = open_results(folder).runs()
    assert len(runs) == 6
    assert set(runs["model"]) == {str(tiny_model)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tasks": [in_memory_task(flip=1)]},
            r"already has 'devlin\(max_steps=3\)' on memory .*the data differ: other texts",
        ),
        ({"threads": 2}, "was made with threads = 1, .* leave out threads = 2, or choose another folder"),
        ({"precision": "bf16"}, "was made with precision = fp32"),
        ({"tasks": [in_memory_task(), in_memory_task(flip=1)]}, "two tasks of the study are called 'memory'"),
        (
            {"recipes": [recipe("devlin", label="x"), recipe("mosbach", label="x")]},
            r"two recipes .* called 'x\(max_steps=3\)'",
        ),
        ({"recipes": ["delvin"]}, "did you mean 'devlin'"),
        ({"models": ["/nowhere/at/all"]}, "there is no model folder"),
        ({"settings": {"max_length": 128, "max_step": 3}}, "did you mean 'max_steps'"),
    ],
)
def test_what_is_refused_leaves_the_study_untouched(prepared, tiny_model, tmp_path, changes, message):
    folder = copy_of(prepared, tmp_path)
    before = content(folder)
    with pytest.raises(UserError, match=message):
        make_study(tiny_model, **changes).run(folder, progress=False)
    assert content(folder) == before


def test_numerics_that_agree_are_no_contradiction(prepared, tiny_model):
    study = make_study(tiny_model, threads=1, precision="fp32")
    assert study.numerics(prepared) == Numerics()


def test_two_tables_of_one_name_are_told_apart_by_name(tiny_model, tmp_path):
    for folder, word in (("a", "dog"), ("b", "cat")):
        (tmp_path / folder).mkdir()
        rows = "".join(f"{word} {index},{index % 2}\n" for index in range(20))
        (tmp_path / folder / "data.csv").write_text("t,l\n" + rows)
    tables = [{"file": tmp_path / folder / "data.csv", "text": "t", "label": "l"} for folder in "ab"]
    with pytest.raises(UserError, match=r"two tasks of the study are called 'data'.*name = "):
        make_study(tiny_model, tasks=tables).plan(Numerics())
    tables[1]["name"] = "data-b"
    runs = make_study(tiny_model, tasks=tables).plan(Numerics()).runs
    assert {run.cell.task for run in runs} == {"data", "data-b"}


def test_a_text_too_long_for_the_model_is_found_before_anything_runs(tiny_model, tmp_path):
    long = Split(["the dog", "the dog " * 40], None, [0, 1])
    task = Task(name="long", train=long, dev=long, classes=("no", "yes"), metrics=("accuracy",))
    with pytest.raises(UserError, match=r"long, train: example 2 has \d+ tokens, but the model has 64 positions"):
        make_study(tiny_model, tasks=[task]).run(tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()
    assert make_study(tiny_model, tasks=[task], settings={"max_length": 64}).plan(Numerics()).runs


def test_a_model_that_cannot_classify_is_found_before_anything_runs(tiny_model, tmp_path):
    folder = Path(shutil.copytree(tiny_model, tmp_path / "vision"))
    (folder / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(UserError, match="no sequence classification class"):
        make_study(folder).run(tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("jobs", [0, -1])
def test_jobs_below_one(prepared, tiny_model, tmp_path, jobs):
    with pytest.raises(UserError, match="jobs must be at least 1"):
        make_study(tiny_model).run(copy_of(prepared, tmp_path), jobs=jobs, progress=False)


def test_a_folder_that_holds_something_else(tiny_model, tmp_path):
    (tmp_path / "file.txt").write_text("mine")
    with pytest.raises(UserError, match=r"is not a study and not empty \(it has 'file.txt'\)"):
        make_study(tiny_model).run(tmp_path, progress=False)
    with pytest.raises(UserError, match="is a file; a study needs a folder"):
        make_study(tiny_model).run(tmp_path / "file.txt", progress=False)
    assert (tmp_path / "file.txt").read_text() == "mine"


def test_paths_may_be_path_objects(tiny_model, tmp_path, small_task):
    small_task.write(tmp_path / "task")
    runs = make_study(tiny_model, tasks=[tmp_path / "task"], models=[tiny_model]).plan(Numerics()).runs
    assert {run.cell.task for run in runs} == {"small"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_made(tiny_model, tmp_path):
    with pytest.raises(UserError, match="PyTorch finds no GPU here"):
        make_study(tiny_model, device="cuda").prepare(tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("recipes", "settings", "names"),
    [
        (["mosbach"], {"epochs": 3.0}, ["mosbach(epochs=3)"]),
        (["mosbach(epochs=3)"], {}, ["mosbach(epochs=3)"]),
        (["mosbach"], {"epochs": 20.0, "bias_correction": True}, ["mosbach"]),  # its own values
        (["mosbach(epochs=10)"], {"beta2": 0.98, "epochs": 5.0}, ["mosbach(epochs=5, beta2=0.98)"]),
        ([dataclasses.replace(RECIPES["devlin"], epochs=5.0)], {}, ["devlin(epochs=5)"]),
        ([RECIPES["devlin"].with_settings({"learning_rate": 2e-5})], {}, ["devlin(learning_rate=2e-05)"]),
        ([recipe("devlin", label="ours", epochs=4)], {"epochs": 4.0, "warmup_ratio": 0.2}, ["ours(warmup_ratio=0.2)"]),
        (["devlin", "devlin(epochs=3)", "devlin"], {}, ["devlin"]),  # one recipe in three forms
    ],
)
def test_a_name_tells_what_differs_from_the_named_recipe(tiny_model, recipes, settings, names):
    """Wherever the difference came from: the command line, a study file or Python."""
    runs = make_study(tiny_model, recipes=recipes, settings=settings, seeds=1).plan(Numerics()).runs
    assert [run.cell.recipe for run in runs] == names
    assert [run.spec.recipe["name"] for run in runs] == names


def test_an_old_study_is_extended_under_its_own_names(prepared, tiny_model, tmp_path):
    """Its cells say 'devlin' for devlin with max_steps=3, as earlier versions wrote them; more seeds join their rows."""
    folder = copy_of(prepared, tmp_path)
    cells = (folder / "runs.jsonl").read_text()
    (folder / "runs.jsonl").write_text(cells.replace(", max_steps=3", "").replace("(max_steps=3)", ""))
    (folder / "runs.jsonl.sha256").unlink()  # they wrote none
    _, runs = make_study(tiny_model, seeds=3).prepare(folder)
    assert [run.cell.recipe for run in runs] == ["devlin"] * 3 + ["devlin(bias_correction=True)"] * 3
    assert len(Store.open(folder).cells()) == 6
    with pytest.raises(UserError, match=r"already has 'devlin' .*the settings differ: max_steps \(there 3, now none\)"):
        make_study(tiny_model, settings={}).prepare(folder)


def test_added_seeds_keep_the_settings_of_the_study_when_the_card_has_changed(tiny_model, tmp_path):
    """Else one row of the tables would hold runs at two learning rates."""
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    study = Study("card", tasks=[in_memory_task()], models=[str(model)], recipes=["devlin"], seeds=1)
    _, [first] = study.prepare(tmp_path / "study")
    (model / "README.md").write_text("---\nseedproof: {learning_rate: 0.5, dropout: 0.3}\n---\n")
    _, runs = dataclasses.replace(study, seeds=2).prepare(tmp_path / "study")
    assert runs[0].spec.id == first.spec.id
    assert [run.kept for run in runs] == [("learning_rate", "dropout")] * 2
    assert {run.spec.recipe["learning_rate"] for run in runs} == {2e-5}
    _, [asked] = dataclasses.replace(study, recipes=["devlin(dropout=0.3)"]).prepare(tmp_path / "study")
    assert (asked.cell.recipe, asked.spec.recipe["dropout"]) == ("devlin(dropout=0.3)", 0.3)
    _, [anew] = study.prepare(tmp_path / "anew")
    assert (anew.cell.recipe, anew.spec.recipe["learning_rate"], anew.kept) == ("devlin", 0.5, ())


def test_methods_written_in_another_order_are_one_recipe_under_one_name(tiny_model):
    """Where the order does not matter; two names for one run would count it twice."""
    written = ["devlin + llrd + reinit(layers=1)", "devlin + reinit(layers=1) + llrd"]
    study = make_study(tiny_model, recipes=written, seeds=1)
    [run] = study.plan(Numerics()).runs
    assert run.cell.recipe == "devlin(max_steps=3) + llrd + reinit(layers=1)"  # as it was written first


def test_what_no_fleet_trains_is_said_with_the_reason(tiny_model, tmp_path):
    study = make_study(tiny_model, recipes=["devlin", "devlin + rdrop"], seeds=1, engine="fleet")
    planned = study.plan(study.numerics())
    notes = [note for note in study.try_out(planned) if "engine" in note]
    assert [run.spec.numerics.engine for run in planned.runs] == ["fleet", "plain"]
    why = "trains with the plain engine, as no fleet calls the hooks of rdrop"
    assert notes == [f"devlin(max_steps=3) + rdrop, {planned.sources[0].name}: {why}"]


@pytest.mark.parametrize("label", ["devlin + bias correction", "devlin + correction", "mosbach + llrd", "ours (a+b)"])
def test_a_label_that_looks_like_a_recipe_with_a_method_stays_a_label(tiny_model, label):
    """Also one with a plus sign, as the demo's: what stands behind it is no method of the recipe."""
    study = make_study(tiny_model, recipes=[recipe("devlin", label=label, bias_correction=True)], settings={}, seeds=1)
    [run] = study.plan(Numerics()).runs
    assert (run.cell.recipe, run.spec.recipe["name"]) == (label, label)
