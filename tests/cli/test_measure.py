"""``seedproof measure`` as a user meets it."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.cli.test_cli import command, refused
from tests.measure.made import TEXTS, make_classifier, make_pretrained, make_store

from seedproof.spec import Seeds
from seedproof.store.measurements import measurements

SMALL = ("--side", 2, "--edge", 2, "--examples", 8, "--jobs", 1)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    return make_pretrained("bert", tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture
def study(pretrained, small_task, tmp_path):
    runs = {
        "failed": (Seeds(head=0, order=0, dropout=0), "majority"),
        "good": (Seeds(head=0, order=1, dropout=1), None),
    }
    return tmp_path / "study", make_store(tmp_path / "study", pretrained, small_task, runs)


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text("\n".join(TEXTS))
    return tmp_path / "text.txt"


def test_forgetting_of_runs(study, text, tmp_path):
    folder, ids = study
    outcome = command(
        "measure",
        "forgetting",
        folder,
        "--run",
        ids["failed"],
        "--run",
        ids["good"],
        "--text",
        text,
        "--layers",
        "0,3",
        "--mlm-probability",
        0.5,
        "--out",
        tmp_path / "table.csv",
    )
    assert outcome.code == 0, outcome
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["outcome"].tolist() == ["failed"] * 3 + ["succeeded"] * 3
    assert table["layers_restored"].tolist() == [0, 3, 3] * 2
    assert "perplexity" in outcome.out


def test_forgetting_of_a_model(pretrained, text, tmp_path):
    make_classifier(pretrained, seed=1).save_pretrained(tmp_path / "model")
    outcome = command("measure", "forgetting", tmp_path / "model", "--pretrained", pretrained, "--text", text)
    assert outcome.code == 0, outcome
    assert outcome.out.count("finetuned") == 4


def test_surface_of_runs(study):
    folder, ids = study
    words = ("measure", "surface", folder, "--failed", ids["failed"], "--successful", ids["good"], *SMALL)
    first, again = command(*words), command(*words)
    assert first.code == 0, first
    (kept,) = measurements(folder)
    left = folder / "measurements" / f"surface-{ids['failed']}-{ids['good']}"
    assert kept.is_finished
    assert f"tables in {left}" in first.out
    assert again.out == first.out
    tables = {name: pd.read_csv(left / f"{name}.csv") for name in ("grid", "edges", "points", "barriers")}
    assert [len(table) for table in tables.values()] == [4, 6, 3, 3]
    assert "gradient_norm" not in tables["grid"]


def test_surface_of_folders(pretrained, tmp_path):
    for seed, name in ((1, "f"), (2, "s")):
        make_classifier(pretrained, seed=seed).save_pretrained(tmp_path / name)
    outcome = command(
        "measure",
        "surface",
        "--failed",
        tmp_path / "f",
        "--successful",
        tmp_path / "s",
        "--pretrained",
        pretrained,
        "--task",
        "miniature/acceptability",
        "--head-seed",
        0,
        "--out",
        tmp_path / "found",
        "--gradient-norm",
        *SMALL,
    )
    assert outcome.code == 0, outcome
    assert pd.read_csv(tmp_path / "found" / "grid.csv")["gradient_norm"].gt(0).all()


@pytest.mark.slow
def test_an_interrupted_surface_says_how_to_go_on(study, monkeypatch):
    folder, ids = study
    words = ("measure", "surface", folder, "--failed", ids["failed"], "--successful", ids["good"], *SMALL)
    calls = []

    def stop(self, parameters):
        calls.append(parameters)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return 1.0, None

    with monkeypatch.context() as patched:
        patched.setattr("seedproof.measure.classifier_loss.ClassifierLoss.__call__", stop)
        outcome = command(*words)
    assert outcome.code == 130
    assert "interrupted; 3 of 6 parts are kept; give the same command again to continue" in outcome.err
    assert command(*words).code == 0


def test_mistakes_are_one_line(study, pretrained, text, tmp_path):
    folder, ids = study
    run = ("--run", ids["good"])
    assert "is a study; give --run too" in refused("measure", "forgetting", folder, "--text", text)
    assert "no study" in refused("measure", "forgetting", pretrained, "--text", text, *run)
    assert "give --pretrained" in refused("measure", "forgetting", pretrained, "--text", text)
    assert "--layers '0;3' is not valid" in refused(
        "measure", "forgetting", folder, *run, "--text", text, "--layers", "0;3"
    )
    assert "there is no text file" in refused("measure", "forgetting", folder, *run, "--text", tmp_path / "none")
    assert "it is a folder" in refused("measure", "forgetting", folder, *run, "--text", text, "--out", tmp_path)
    sides = ("--failed", ids["failed"], "--successful", ids["good"])
    assert "follows from the runs" in refused("measure", "surface", folder, *sides, "--head-seed", 3)
    assert "give the folder of a study, or --pretrained and --task" in refused("measure", "surface", *sides)
    assert "has no run" in refused("measure", "surface", folder, "--failed", "0" * 16, "--successful", ids["good"])
