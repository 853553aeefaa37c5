"""`seedproof fit` and `predict` on what cannot be used: one message, and nothing is left behind."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from seedproof.cli.app import app
from seedproof.errors import UserError


@pytest.fixture
def place(tmp_path, tiny_model):
    """A folder with a table and a model."""
    rows = [{"text": f"text {row}", "label": ["a", "b"][row % 2]} for row in range(20)]
    pd.DataFrame(rows).to_csv(tmp_path / "train.csv", index=False)
    shutil.copytree(tiny_model, tmp_path / "model")
    return tmp_path


def refused(place, *options, table="train.csv"):
    """The message of a command that is refused; the folder is as it was before."""
    before = sorted(path.name for path in place.iterdir())
    words = ["fit", str(place / table), "--model", str(place / "model"), "--out", str(place / "out")]
    result = CliRunner().invoke(app, [*words, "--text", "text", "--label", "label", *options])
    assert isinstance(result.exception, UserError), result.output
    assert sorted(path.name for path in place.iterdir()) == before
    return str(result.exception)


def test_a_model_without_a_tokenizer(place):
    for path in place.glob("model/*token*"):
        path.unlink()
    assert "has no vocabulary" in refused(place)


def test_a_budget_that_is_too_short_for_one_run(place):
    assert "is too short for one run" in refused(place, "--budget", "0.1s", "--jobs", "1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "2"], "--budget 2 is no length of time"),
        (["--seeds", "0"], "seeds = 0 is not valid"),
        (["--ensemble", "mean"], "unknown ensemble 'mean'"),
        (["--push-to", "a b"], "--push-to a b is no name on the hub"),
        (["--recipe", "mosbah"], "unknown recipe 'mosbah'; did you mean 'mosbach'?"),
        (["--recipe", "auto", "--set", "epochs=3"], "--recipe auto decides on epochs; leave it out"),
        (["--metric", "pearson"], "metric 'pearson' does not fit classification"),
    ],
)
def test_an_option_that_cannot_be(place, options, message):
    assert message in refused(place, *options)


def test_a_table_of_one_class(place):
    (place / "one.csv").write_text("text,label\na,x\nb,x\nc,x\n")
    assert "at least two different labels are needed" in refused(place, table="one.csv")


def test_an_output_folder_that_holds_something_else(place):
    (place / "out").mkdir()
    (place / "out" / "thesis.tex").write_text("mine")
    assert "holds something that seedproof fit did not write" in refused(place)
    assert (place / "out" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "train.csv", "--out", "a.csv"], "there is no model folder"),
        (["model", "train.csv", "--out", "a.csv"], "was not written by seedproof fit: it has no seedproof.json"),
        (["model", "train.csv", "--out", "a.xlsx"], "unknown kind of file '.xlsx'"),
        (["model", "train.csv", "--out", "train.csv"], "is the table itself"),
        (["model", "train.csv", "--out", "nowhere/a.csv"], "there is no folder"),
    ],
)
def test_predictions_that_cannot_be_made(place, monkeypatch, words, message):
    monkeypatch.chdir(place)
    result = CliRunner().invoke(app, ["predict", *words])
    assert isinstance(result.exception, UserError), result.output
    assert message in str(result.exception)
    assert not (place / "a.csv").exists()
