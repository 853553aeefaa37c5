"""The user's metric, from the table to the verdict: it judges, it is no part of what the data is, and a study keeps it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from seedproof.analysis.runs import runs_table
from seedproof.errors import UserError
from seedproof.spec import Numerics
from seedproof.store.checked import judge
from seedproof.study.results import open_results
from seedproof.study.study import Study
from seedproof.tasks import Task, load_task

STORE = Path(__file__).parents[1] / "assets" / "first" / "plain"


@pytest.fixture(scope="module")
def rare(tmp_path_factory) -> Path:
    """A table of 1,000 messages of which 92 are spam."""
    path = tmp_path_factory.mktemp("rare") / "rare.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), *((f"the dog sees {n}", "spam" if n < 92 else "ham") for n in range(1000))]
        )
    return path


def load(path: Path, **options) -> Task:
    return load_task(path, text="text", label="label", dev=shutil.copy(path, path.with_name("dev.csv")), **options)


def study(path: Path, model: Path, *, metric: str | None = None, select: str = "last", **options) -> Study:
    given = {"file": str(path), "text": "text", "label": "label"} | ({"metric": metric} if metric else {})
    return Study(
        "s",
        tasks=[given],
        models=[str(model)],
        recipes=["devlin"],
        seeds=1,
        settings={"max_steps": 2, "select": select},
        **options,
    )


def ids(made: Study, folder: Path | None = None) -> list[str]:
    return [run.spec.id for run in made.plan(Numerics(), folder).runs]


def test_a_run_that_finds_every_rare_case_does_not_fail_beside_a_dead_one(rare):
    """It takes 100 others for spam, too: by accuracy it is the worse of the two."""
    task = load(rare)
    predicted = np.where((task.dev.labels == 1) | (np.arange(1000) >= 900), 1, 0)
    found, dead = (task.score({"dev": np.eye(2)[which]}) for which in (predicted, np.zeros(1000, int)))
    assert (found["accuracy"], dead["accuracy"]) == (0.9, 0.908)
    assert found["matthews"] == pytest.approx(0.65, abs=0.01)
    assert judge(found["accuracy"], task.majority["accuracy"])[0] == "failed"
    assert task.metric == "matthews"
    assert judge(found[task.metric], task.majority[task.metric]) == ("succeeded", None)
    assert judge(dead[task.metric], task.majority[task.metric]) == ("failed", "majority")
    assert any("judged by Matthews correlation, because the class 'spam' is rare (9.2%" in note for note in task.notes)


def test_the_metric_is_no_part_of_the_data(rare, tmp_path):
    tasks = [load(rare), load(rare, metric="f1:ham"), load(rare, metric="accuracy")]
    assert len({task.fingerprint for task in tasks}) == 1
    tasks[1].write(tmp_path / "task")
    assert Task.read(tmp_path / "task").metric == "f1:ham"
    assert Task.read(tmp_path / "task").majority["f1:ham"] == pytest.approx(2 * 908 / 1908)
    assert not any("Matthews" in note for note in tasks[2].notes)  # nothing was decided


def test_only_what_selects_the_best_makes_it_part_of_an_id(rare, tiny_model):
    metrics = (None, "matthews", "accuracy", "f1:ham")
    assert len({ids(study(rare, tiny_model, metric=metric))[0] for metric in metrics}) == 1
    best = [ids(study(rare, tiny_model, metric=metric, select="best"))[0] for metric in metrics]
    assert best[0] == best[1]
    assert len(set(best)) == 3
    with pytest.raises(UserError, match="select_metric 'auroc' is not recorded"):
        ids(
            Study(
                "s",
                tasks=[{"file": str(rare), "text": "text", "label": "label"}],
                models=[str(tiny_model)],
                settings={"select": "best", "select_metric": "auroc"},
            )
        )


def test_a_study_keeps_its_metric(rare, tiny_model, tmp_path):
    """An older study that is extended by today's default, too; another metric that is asked for is refused."""
    folder = tmp_path / "study"
    store, runs = study(rare, tiny_model, metric="accuracy", select="best").prepare(folder)
    (stored,) = (Task.read(path) for path in (folder / "tasks").iterdir())
    assert stored.metric == "accuracy"
    _, again = study(rare, tiny_model, select="best").prepare(folder)
    assert [run.spec.id for run in again] == [run.spec.id for run in runs]
    planned = study(rare, tiny_model, select="best").plan(Numerics(), folder)
    assert not any("judged by" in note for note in planned.tasks[0].notes)  # what was chosen now is not what judges
    with pytest.raises(UserError, match=r"judges 'rare' by accuracy.*study summary .* --metric f1:ham"):
        study(rare, tiny_model, metric="f1:ham").prepare(folder)
    assert len(store.run_ids()) == 1


def test_a_study_of_two_metrics_finds_its_runs_again(rare, tiny_model, tmp_path, small_task):
    """What selects the best follows from each task, not from the recipe's first run in the store."""
    made = study(rare, tiny_model, select="best")
    both = Study(
        "s", tasks=[small_task, *made.tasks], models=made.models, recipes=made.recipes, seeds=1, settings=made.settings
    )
    folder = tmp_path / "study"
    first, second = ([run.spec.id for run in both.prepare(folder)[1]] for _ in range(2))
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_a_run_is_judged_by_it_and_later_by_another(rare, tiny_model, tmp_path, engine):
    folder = tmp_path / "study"
    results = study(rare, tiny_model, metric="f1:ham", engine=engine).run(folder, jobs=1, progress=False)
    (row,) = results.runs().to_dict("records")
    assert (row["metric"], row["positive_class"]) == ("f1:ham", "ham")
    assert row["score"] == row["f1:ham"]
    assert row["majority"] == pytest.approx(2 * 182 / (200 + 182), abs=0.01)
    (other,) = results.runs(metric="matthews").to_dict("records")
    assert other["score"] == pytest.approx(row["matthews"])
    assert other["majority"] == 0
    scores = results.class_scores()
    assert scores[["split", "class"]].to_numpy().tolist() == [["dev", "ham"], ["dev", "spam"]]
    assert scores["f1"][0] == pytest.approx(row["score"])
    assert scores["support"].sum() == 200


def test_scores_by_class_of_an_older_study_come_from_its_outputs():
    scores = open_results(STORE).class_scores()
    runs = open_results(STORE).runs().drop_duplicates("run").set_index("run")
    pairs = scores[scores["task"] == "pairs"]
    assert set(scores["task"]) == {"pairs"}  # a regression has no classes
    for id_, rows in pairs.groupby("run"):
        accuracy = (rows["recall"] * rows["support"]).sum() / rows["support"].sum()
        assert accuracy == pytest.approx(runs.loc[id_, "accuracy"])


def test_a_table_of_runs_says_which_class_f1_is_of():
    cell = type("Cell", (), {"task": "t", "model": "m", "recipe": "r", "seed": "0", "id": "a"})()
    result = {
        "outcome": "succeeded",
        "reason": None,
        "metric": "f1",
        "positive_class": "yes",
        "score": 0.9,
        "score_low": 0.6,
        "score_high": 0.95,
        "majority": 0.7,
        "metrics": {"f1": 0.9},
    }
    (row,) = runs_table([cell], {"a": result}, {}).to_dict("records")
    assert (row["positive_class"], row["covers_majority"]) == ("yes", True)


def test_a_rare_class_that_accuracy_overlooks_is_named_with_the_command(rare, tiny_model, tmp_path):
    study(rare, tiny_model, metric="accuracy").prepare(tmp_path / "study")
    (note,) = [note for note in open_results(tmp_path / "study").notes() if "judged by" in note]
    assert note.startswith(
        "warning: rare: judged by accuracy though the class 'spam' is rare (9.0% of the development set)"
    )
    assert note.endswith(f"seedproof study summary {tmp_path / 'study'} --metric matthews")
    study(rare, tiny_model).prepare(tmp_path / "other")
    assert not any("though" in note for note in open_results(tmp_path / "other").notes())
