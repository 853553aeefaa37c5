"""A study as a TOML file: what may stand in it, what is refused, and that it reads back as the same study."""

from __future__ import annotations

import shutil

import pytest

from seedproof.errors import UserError
from seedproof.execution.recording import DEFAULT_RECORDINGS, Recording
from seedproof.methods import method
from seedproof.recipes import Recipe, as_recipe, recipe
from seedproof.spec import Numerics, Seeds
from seedproof.study.study import Study

NAMES = 'tasks = ["miniature/entailment"]\nmodels = ["bert"]\n'


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A folder with a model called ``bert`` and a table in ``data``."""
    shutil.copytree(tiny_model, tmp_path / "bert")
    (tmp_path / "data").mkdir()
    rows = "".join(f"text number {index},{index % 2}\n" for index in range(20))
    (tmp_path / "data" / "mine.csv").write_text("t,l\n" + rows)
    return tmp_path


def read(folder, text) -> Study:
    (folder / "study.toml").write_text(text)
    return Study.read(folder / "study.toml")


def ids(study: Study) -> list[tuple[str, ...]]:
    return [(run.cell.task, run.cell.recipe, run.cell.seed, run.cell.id) for run in study.plan(Numerics()).runs]


def test_everything_that_may_stand_in_a_file(folder):
    text = """
name = "mine"
tasks = [{ file = "data/mine.csv", text = "t", label = "l", name = "renamed" }]
models = ["bert"]
recipes = ["devlin", "mosbach(epochs=10)", { name = "devlin", label = "ours", bias_correction = true }]
seeds = [0, 5, { head = 1, order = 2, dropout = 3 }]
precision = "bf16"
device = "cpu"
threads = 2
[settings]
learning_rate = 3e-5
dropout = "default"
[recording]
gradients = 5
drift = false
weights = true
checkpoint_seconds = 60
"""
    study = read(folder, text)
    assert study.name == "mine"
    assert study.seeds == (Seeds.from_number(0), Seeds.from_number(5), Seeds(head=1, order=2, dropout=3))
    assert study.settings == {"learning_rate": 3e-5, "dropout": None}
    assert study.recording == Recording(probes={"gradients": 5, "pooler": 1}, weights=True, checkpoint_seconds=60)
    assert study.numerics() == Numerics(precision="bf16", device="cpu", threads=2)
    runs = study.plan(study.numerics()).runs
    assert [run.cell.recipe for run in runs[::3]] == [
        "devlin(learning_rate=3e-05)",
        "mosbach(epochs=10, learning_rate=3e-05)",
        "ours(learning_rate=3e-05)",
    ]
    assert {run.cell.task for run in runs} == {"renamed"}
    assert {run.spec.recipe["learning_rate"] for run in runs} == {3e-5}
    assert {run.spec.recipe["dropout"] for run in runs} == {0.1}


def test_defaults(folder):
    study = read(folder, NAMES)
    assert (study.name, study.recipes, len(study.seeds)) == ("study", ("devlin",), 25)
    assert study.recording is None


def test_paths_are_relative_to_the_file(folder, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    study = read(folder, 'tasks = [{ file = "data/mine.csv", text = "t", label = "l" }]\nmodels = ["bert"]\nseeds = 1')
    assert len(ids(study)) == 1


def test_a_written_task_by_its_folder(folder, small_task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    small_task.write(folder / "data" / "task")
    study = read(folder, 'tasks = ["data/task"]\nmodels = ["bert"]\nseeds = 1')
    assert ids(study)[0][0] == "small"


def test_names_win_over_folders_that_are_called_alike(folder, monkeypatch):
    """A folder glue/rte in the working directory does not change what the name means in the study's own file."""
    (folder / "glue" / "rte").mkdir(parents=True)
    (folder / "miniature" / "bert").mkdir(parents=True)
    monkeypatch.chdir(folder)
    study = Study("s", tasks=["glue/rte"], models=["miniature/bert"])
    again = read(folder, study.to_toml())
    assert (again.tasks, again.models) == (["glue/rte"], ["miniature/bert"])


@pytest.mark.parametrize(
    "recipes",
    [
        ["devlin", "mosbach(epochs=10)"],
        [recipe("mixout", p=0.3, label="ours"), recipe("mosbach-v1")],
        [recipe("devlin", learning_rate=1e-4), Recipe(name="mine", clip="none", max_steps=7)],
        [{"name": "mixout", "dropout": None, "label": "x"}, recipe("mixout", dropout=None)],
        ["devlin(epochs=2) + mixout(p=0.3)", recipe("mosbach") + method("mixout", covers=None)],
        [
            {"name": "devlin", "methods": ["mixout(p=0.3)"]},
            {"name": "mosbach", "methods": [{"name": "mixout", "p": 0.2}]},
        ],
    ],
)
def test_a_study_reads_back_as_itself(folder, small_task, tmp_path, recipes):
    """Recipes of every kind, an in-memory task, coupled and uncoupled seeds, settings that ask for a default."""
    study = Study(
        "s",
        tasks=[small_task],
        models=[folder / "bert"],
        recipes=recipes,
        seeds=[3, Seeds(head=1, order=2, dropout=3)],
        settings={"weight_decay": None, "batch_size": 8},
        recording=Recording(probes={"drift": 1}, evaluations=4),
    )
    small_task.write(tmp_path / "tasks" / small_task.fingerprint)
    again = read(tmp_path, study.to_toml())
    assert ids(again) == ids(study)
    assert again.recording == study.recording
    assert again.to_toml() == read(tmp_path, again.to_toml()).to_toml()


def test_probes_that_are_off_stay_off(folder):
    study = read(folder, NAMES + "[recording]\ngradients = 0\n")
    assert study.recording.probes == {name: 1 for name in DEFAULT_RECORDINGS if name != "gradients"}
    assert read(folder, study.to_toml()).recording == study.recording


def test_a_named_recipe_is_written_by_its_name(folder):
    assert (
        'recipes = [\n    "mosbach",\n]'
        in Study("s", tasks=["glue/rte"], models=["x"], recipes=[recipe("mosbach")]).to_toml()
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NAMES + "seed = 3", r"unknown key 'seed' in the study file .*study\.toml; did you mean 'seeds'"),
        (
            NAMES + "[recording]\ngradient = 3",
            r"unknown key 'gradient' in \[recording\] of the study file .*'gradients'",
        ),
        (NAMES + "[recording]\nevaluations = 0", "evaluations = 0 is not valid"),
        (NAMES + '[recording]\nweights = "yes"', "weights = 'yes' is not valid"),
        (NAMES + "[recording]\ngradients = -1", "'gradients' looks every -1 steps"),
        (NAMES + "recording = 3", "recording in the study file .* must be a table"),
        (NAMES + "settings = 3", "settings in the study file .* must be a table"),
        ('models = ["bert"]', "has no 'tasks'; give a list of tasks"),
        ('tasks = ["glue/rte"]', "has no 'models'"),
        ('tasks = "glue/rte"\nmodels = ["bert"]', "tasks in the study file .* must be a list, found 'glue/rte'"),
        ('tasks = ["glue/rte"]\nmodels = "bert"', "models in the study file .* must be a list"),
        ("tasks = []\nmodels = ['bert']", "has no tasks; give at least one"),
        ("tasks = [3]\nmodels = ['bert']", "the task 3 of study 'study' is not valid"),
        ("tasks = ['glue/rte']\nmodels = [3]", "the model 3 of study 'study' is not valid"),
        (NAMES + "recipes = 'devlin'", "recipes in the study file .* must be a list"),
        (NAMES + "recipes = [3]", "the recipe 3 in the study file"),
        (NAMES + "seeds = 0", "seeds = 0 is not valid; give how many"),
        (NAMES + "seeds = true", "seeds = True is not valid"),
        (NAMES + "seeds = 2.5", "seeds in the study file .* must be a list, found 2.5"),
        (NAMES + "seeds = []", "the list of seeds is empty"),
        (NAMES + "seeds = [1, 1]", "has one of them twice"),
        (NAMES + "seeds = 1000000000", "more seeds than 100000"),
        (NAMES + f"seeds = {'9' * 5000}", "is not valid TOML"),
        (NAMES + f"x = {'[' * 5000}", "is not valid TOML"),
        (NAMES + "threads = 100000", "a run has at most 1024"),
        (NAMES + "seeds = ['a']", "the seed 'a' in .* is not a whole number"),
        (NAMES + "seeds = [{ head = 1 }]", "must give head, order and dropout"),
        (NAMES + "seeds = [{ head = 1, order = 1, dropout = 'x' }]", "must give head, order and dropout"),
        (NAMES + "name = 3", "the name of a study must be a text, found 3"),
        (NAMES + "threads = 0", "threads must be a whole number of at least 1, found 0"),
        (NAMES + "threads = '2'", "threads must be a whole number of at least 1, found '2'"),
        (NAMES + "seeds = 25 = 3", r"study\.toml is not valid TOML"),
    ],
)
def test_mistakes(folder, text, message):
    with pytest.raises(UserError, match=message):
        read(folder, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NAMES + "[settings]\nlearning_rte = 1", "unknown setting 'learning_rte'.*did you mean 'learning_rate'"),
        (NAMES + "[settings]\nepochs = 'x'", "epochs = 'x' is not valid"),
        (NAMES + "recipes = ['delvin']", "did you mean 'devlin'"),
        (
            NAMES + "recipes = ['devlin', { name = 'mosbach', label = 'x' }, { name = 'devlin', label = 'x' }]",
            "two recipes of the study are called 'x'",
        ),
        ("tasks = ['glue/rt']\nmodels = ['bert']", "did you mean 'glue/rte'"),
        (
            "tasks = [{ name = 'glue/rte', dat_dir = 'x' }]\nmodels = ['bert']",
            "unknown key 'dat_dir' in task 'glue/rte'; did you mean 'data_dir'",
        ),
        ("tasks = [{ text = 'x' }]\nmodels = ['bert']", "has neither a name nor a file"),
        ("tasks = [{ stored = 'abc' }]\nmodels = ['bert']", "holds no task"),
        (
            "tasks = [{ file = 'data/mine.csv', text = 'tt', label = 'l' }]\nmodels = ['bert']",
            r"mine\.csv has no column 'tt'",
        ),
        ("tasks = ['miniature/entailment']\nmodels = ['./bart']", "there is no model folder"),
        (NAMES + "precision = 'fp16'", "unknown precision 'fp16'"),
        (NAMES + "device = 'gpu'", "unknown device 'gpu'"),
    ],
)
def test_mistakes_that_show_at_the_latest_when_it_is_planned(folder, text, message):
    with pytest.raises(UserError, match=message):
        (study := read(folder, text)).plan(study.numerics())


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"there is no study file .*none\.toml"):
        Study.read(tmp_path / "none.toml")
    with pytest.raises(UserError, match="there is no study file"):
        Study.read(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(UserError, match=r"latin\.toml is not UTF-8 text \(byte 11\)"):
        Study.read(tmp_path / "latin.toml")


def test_a_recipe_that_was_written_is_the_same_recipe(folder):
    """None survives where a recipe's own value is another (mixout has dropout 0)."""
    study = Study("s", tasks=["glue/rte"], models=["x"], recipes=[recipe("mixout", dropout=None)])
    (found,) = read(folder, study.to_toml()).recipes
    assert as_recipe(found) == recipe("mixout", dropout=None)
