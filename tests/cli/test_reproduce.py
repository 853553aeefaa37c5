"""``seedproof reproduce``: the dry run needs nothing, mistakes are one line."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tests.cli.test_cli import command, refused

from seedproof.models.source import WEIGHTS
from seedproof.paper import FIGURES


@pytest.mark.parametrize("scale", ["mini", "paper"])
@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in FIGURES if name != "fig1"), "fig1", "all"]
)
def test_every_dry_run_says_runs_steps_time_and_disk(name, scale, tmp_path, monkeypatch):
    for variable in ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))  # nothing was loaded before
    outcome = command("reproduce", name, "--scale", scale, "--dry-run", "--jobs", 2)
    assert outcome.code == 0, outcome.err
    assert "runs in all" in outcome.out
    assert "none was started" in outcome.out
    assert re.search(r"estimate for this machine \((cpu|cuda), engine fleet\)", outcome.out)
    uses_bert = "glue/" in outcome.out and ", bert-large-uncased, " in outcome.out
    assert ("missing: model bert-large-uncased: not here" in outcome.out) == uses_bert
    assert re.search(r"\d [KMG]iB of disk", outcome.out)
    assert "epochs, long recipe" not in outcome.out + outcome.err
    assert ("ids pending" in outcome.out) == (name != "fig6")


@pytest.mark.slow
def test_a_dry_run_touches_neither_network_nor_weights_nor_the_folder(tmp_path):
    code = (
        "import socket, sys, builtins\n"
        "def refuse(*a, **k): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from seedproof.cli import main\n"
        f"sys.argv = ['seedproof', 'reproduce', 'all', '--scale', 'paper', '--dry-run', '--out', {str(tmp_path / 'new')!r}]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "loaded = {'transformers', 'datasets'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, stdout=subprocess.DEVNULL)
    assert not (tmp_path / "new").exists()


def test_mistakes_are_one_line(tmp_path):
    assert "did you mean 'fig1'" in refused("reproduce", "figg1", "--out", tmp_path / "x")
    assert "did you mean 'paper'" in refused("reproduce", "fig1", "--scale", "papers", "--out", tmp_path / "x")
    assert "--out DIR" in refused("reproduce", "fig1")
    assert "NAME=FOLDER" in refused("reproduce", "fig1", "--model", "bert-large-uncased", "--out", tmp_path / "x")
    assert "at least 1" in refused("reproduce", "fig1", "--jobs", 0, "--out", tmp_path / "x")


@pytest.mark.slow
def test_a_figure_without_runs_prints_no_table_of_the_scale_and_no_claims(tmp_path):
    outcome = command("reproduce", "fig6", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "epochs, long recipe" not in outcome.err
    assert "not decided" not in outcome.out
    assert "epochs, long recipe" in command("reproduce", "fig6", "--out", tmp_path / "out", "--verbose").err
    assert command("report", tmp_path / "out").code == 0


def test_ls_studies_lists_the_names():
    listed = command("ls", "studies").out
    assert all(f"{name} " in listed for name in [*FIGURES, "all", "demo"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "fleeet"], "unknown engine 'fleeet'"),
        (["--precision", "fp8"], "unknown precision 'fp8'"),
        (["--data-dir", "nowhere"], "--data-dir is for --scale paper"),
        (["--scale", "paper", "--data-dir", "nowhere"], "there is no such folder"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would_refuse(options, message):
    assert message in refused("reproduce", "fig1", "--dry-run", *options)


def test_a_model_of_ones_own_is_asked_at_the_scale_real():
    """The shipped shallow miniature stands for it: its name is its folder's, and what is about other families is left out."""
    own = ["--scale", "real", "--model", WEIGHTS / "bert-shallow", "--task", "rte", "--dry-run"]
    outcome = command("reproduce", "fig5", "fig8", *own)
    assert outcome.code == 0, outcome.err
    assert "glue/rte, bert-shallow, devlin(bias_correction=True): 10 runs of 468 steps" in outcome.out
    assert "missing: data of glue/rte" in outcome.out
    assert "missing: model" not in outcome.out
    assert "roberta" not in outcome.out
    assert "no such model; leave it out" in refused("reproduce", "fig11", *own)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give its folder with --model DIR"),
        (["--model", "nowhere/e/5"], "no model folder 'nowhere/e/5'"),
        (["--model", "a", "--model", "b"], "takes one --model"),
        (["--model", WEIGHTS / "bert", "--task", "cola"], "add --task rte"),
        (["--model", WEIGHTS / "bert", "--task", "coal"], "did you mean 'cola'"),
        (["--model", WEIGHTS / "bert", "--models-dir", "."], "leave it out"),
    ],
)
def test_mistakes_at_the_scale_real_name_what_to_give(options, message):
    assert message in refused("reproduce", "fig5", "--scale", "real", "--dry-run", *options)
