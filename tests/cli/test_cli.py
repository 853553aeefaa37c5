"""The command line as a user meets it: what it prints where, its exit status, and one line for every mistake."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from seedproof.checksums import KEY
from seedproof.cli import main
from seedproof.launch import base
from seedproof.miniature.corpus import draw_task
from seedproof.models.source import MINIATURES
from seedproof.probes import PROBES
from seedproof.recipes import RECIPES
from seedproof.tasks import TASKS

COLUMNS = ["--text", "first", "--text-pair", "second", "--label", "answer"]


@dataclass
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


def command(*words: object) -> Outcome:
    """Give a command inside this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    arguments = mock.patch.object(sys, "argv", ["seedproof", *map(str, words)])
    with arguments, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def refused(*words: object) -> str:
    """The message of a command that must be refused as a user's mistake: one line, nothing else."""
    outcome = command(*words)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1, outcome.err
    return outcome.err


def write_table(path: Path, rows: int = 60) -> Path:
    examples = draw_task("entailment", "train", rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "second", "answer"])
        writer.writerows([first, second, ("yes", "no")[label]] for first, second, label in examples)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "mine.csv")


@pytest.fixture(scope="module")
def ran(tmp_path_factory, table, tiny_model) -> tuple[Path, Outcome]:
    """A study of a user's own table, and what the command printed."""
    folder = tmp_path_factory.mktemp("cli") / "study"
    outcome = command(
        "study",
        "run",
        "--task",
        table,
        *COLUMNS,
        "--model",
        tiny_model,
        "--recipe",
        "devlin",
        "--recipe",
        "mosbach(epochs=2)",
        "--seeds",
        2,
        "--set",
        "max_steps=3",
        "--jobs",
        1,
        "--out",
        folder,
    )
    return folder, outcome


@pytest.fixture
def run_words(table, tiny_model, tmp_path) -> list[object]:
    """A command that is right, for tests that spoil it."""
    return ["study", "run", "--task", table, *COLUMNS, "--model", tiny_model, "--seeds", 1, "--out", tmp_path / "new"]


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"}


def test_run_says_what_it_does_and_what_it_found(ran):
    """The way there on standard error, results on standard output."""
    folder, outcome = ran
    assert outcome.code == 0, outcome.err
    assert "devlin(max_steps=3): learning_rate=2e-05 (default), epochs=3, max_steps=3 (user), bias_" in outcome.err
    assert "initializer_range" not in outcome.err
    assert "mine: development set: 12 of the 60 rows, held out by label with split_seed=0" in outcome.err
    assert "4 of 4 runs finished" in outcome.err
    assert "every run, in the order of the seeds" in outcome.out
    assert f"box plot: {folder / 'box_plot.png'}" in outcome.out
    assert (folder / "box_plot.png").exists()
    assert (folder / "study.toml").exists()


def test_status(ran):
    outcome = command("study", "status", ran[0])
    assert outcome.code == 0
    assert "4 runs" in outcome.out
    assert "4 finished" in outcome.out


def test_status_of_a_study_that_is_not_done(ran, tmp_path):
    folder = Path(shutil.copytree(ran[0], tmp_path / "copy"))
    first, second, *_ = sorted((folder / "runs").iterdir())
    (first / "result.json").unlink()
    (second / "result.json").unlink()
    crash = {"event": "crashed", "attempt": 1, "host": "here", "pid": 1, "time": 0.0, "message": "out of [memory]"}
    (second / "attempts.jsonl").write_text(json.dumps(crash) + "\n")
    (second / "error.txt").write_text("Traceback ...")
    outcome = command("study", "status", folder)
    assert "1 lost" in outcome.out
    assert f"crashed: run {second.name}: out of [memory]; see {second / 'error.txt'}" in outcome.out
    assert f"seedproof study run {folder / 'study.toml'} --out {folder}" in outcome.out
    assert "not finished, in no statistic" in " ".join(command("study", "summary", folder).out.split())


def test_summary_in_every_format(ran):
    shown = {
        form: command("study", "summary", ran[0], "--format", form) for form in ("table", "csv", "md", "latex", "json")
    }
    assert {outcome.code for outcome in shown.values()} == {0}
    assert "held out by label with split_seed=0" in shown["table"].out
    assert "held out by label" in shown["md"].out
    assert "held out by label" in shown["latex"].out
    rows = list(csv.DictReader(io.StringIO(shown["csv"].out)))
    assert [row["recipe"] for row in rows] == ["devlin(max_steps=3)", "mosbach(epochs=2, max_steps=3)"]
    assert "**mine" in shown["md"].out
    assert r"\begin{tabular*}" in shown["latex"].out
    assert [cell["runs"] for cell in json.loads(shown["json"].out)["cells"]] == [2, 2]


def test_summary_with_the_divisor_of_the_paper_and_a_figure(ran, tmp_path):
    outcome = command(
        "study", "summary", ran[0], "--format", "json", "--sd-divisor", "n", "--figure", tmp_path / "p.svg"
    )
    assert json.loads(outcome.out)["sd_divisor"] == "n"
    assert f"box plot: {tmp_path / 'p.svg'}" in outcome.err
    assert (tmp_path / "p.svg").exists()


def test_export(ran, tmp_path):
    outcome = command("study", "export", ran[0], "--parquet", tmp_path / "runs.parquet")
    assert outcome.out == f"wrote {tmp_path / 'runs.parquet'}\n"
    assert len(pd.read_parquet(tmp_path / "runs.parquet")) == 4


def test_dry_run_shows_the_runs_and_makes_nothing(run_words, tmp_path):
    outcome = command(*run_words, "--recipe", "mosbach", "--dry-run", "--verbose")
    assert outcome.code == 0
    assert "mosbach: 1 run of" in outcome.out
    assert "none was started" in outcome.out
    assert re.search(r"estimate for this machine: .* with \d+ at a time, \d+ [KM]iB of disk", outcome.out)
    assert "bias_correction       True" in outcome.out
    assert "dropout               0.1 (family bert)" in outcome.out
    assert "held out by label with split_seed=0" in outcome.out
    assert (
        "recorded: gradients every 10 steps, pooler every evaluation, drift every evaluation; evaluated" in outcome.out
    )
    assert outcome.err == ""
    assert not (tmp_path / "new").exists()


def test_a_dry_run_counts_what_the_study_has(ran, table, tiny_model, tmp_path):
    """Of five runs two are finished, and one of these has lost its end."""
    folder = Path(shutil.copytree(ran[0], tmp_path / "copy"))
    words = [
        "study",
        "run",
        "--task",
        table,
        *COLUMNS,
        "--model",
        tiny_model,
        "--set",
        "max_steps=3",
        "--out",
        folder,
        "--dry-run",
        "--seeds",
    ]
    assert "2 runs in all: 2 finished; nothing was started now" in command(*words, 2).out
    run = next(run for run in sorted((folder / "runs").iterdir()) if '"devlin' in (run / "spec.json").read_text())
    (run / "result.json").unlink()
    before = content(folder)
    assert "5 runs in all: 1 finished, 1 to be continued, 3 left to begin; nothing was" in command(*words, 5).out
    assert content(folder) == before


@pytest.mark.parametrize("what", ["tasks", "recipes", "models", "studies", "recordings", "launchers"])
def test_ls(what):
    names = {
        "tasks": TASKS,
        "recipes": RECIPES,
        "models": [f"miniature/{name}" for name in MINIATURES],
        "studies": ["demo"],
        "recordings": PROBES,
        "launchers": ["local", "inline", "ray", "module:Class"],
    }[what]
    listed = command("ls", what).out
    assert all(f"{name} " in listed for name in names)


def test_launchers_are_listed_with_what_installs_them_and_those_of_other_packages(monkeypatch):
    monkeypatch.setattr(base, "find_spec", lambda _: None)
    point = SimpleNamespace(name="slurm", value="their_package:SlurmLauncher")
    monkeypatch.setattr(base, "entry_points", lambda group: [point] if group == base.ENTRY_POINTS else [])
    listed = command("ls", "launchers").out
    assert "; not installed: pip install 'seedproof[ray]'\n" in listed
    assert re.search(r"^slurm +their_package:SlurmLauncher, of an installed package$", listed, re.MULTILINE)


def test_an_address_is_for_a_launcher_that_has_one():
    for words in (["study", "run"], ["reproduce", "fig6"]):
        said = refused(*words, "--out", "out", "--launcher", "local", "--address", "head:6379")
        assert "--address head:6379 is for --launcher ray" in said, said


def test_the_version():
    assert command("--version").out.startswith("seedproof ")


def test_a_study_file(ran, table, tiny_model, tmp_path):
    """The same runs as from options: all are there already."""
    folder = Path(shutil.copytree(ran[0], tmp_path / "copy"))
    (tmp_path / "mine.toml").write_text(f"""
tasks = [{{ file = "{table}", text = "first", text_pair = "second", label = "answer" }}]
models = ["{tiny_model}"]
recipes = ["devlin"]
seeds = 2
[settings]
max_steps = 3
""")
    outcome = command("study", "run", tmp_path / "mine.toml", "--out", folder)
    assert outcome.code == 0, outcome.err
    assert command("study", "status", folder).out.splitlines()[0].endswith("4 runs")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--text": "frist"}, "mine.csv has no column 'frist'; did you mean 'first'"),
        ({"--label": None}, "mine.csv: say which column holds the label"),
        ({"--model": "/no/model"}, "there is no model folder '/no/model'"),
        ({"--model": "miniature/brt"}, "did you mean 'miniature/bert'"),
        ({"--model": None}, "give at least one --model"),
        ({"--task": "none.csv"}, "there is no file none.csv"),
        ({"--task": "glue/rt"}, "for your own file"),
        ({"--seeds": "0"}, "--seeds 0 is not valid"),
        ({"--recipe": "delvin"}, "unknown recipe 'delvin'; did you mean 'devlin'"),
        ({"--set": "learning_rat=1"}, "did you mean 'learning_rate'"),
        ({"--set": "epochs=x"}, "epochs = 'x' is not valid"),
        ({"--data-dir": "here"}, "--data-dir is for glue/... tasks"),
        ({"--kind": "classify"}, "did you mean 'classification'"),
        ({"--precision": "fp8"}, "unknown precision 'fp8'"),
        ({"--device": "tpu"}, "unknown device 'tpu'"),
        ({"--threads": "0"}, "threads must be a whole number of at least 1"),
        ({"--evaluations": "0"}, "evaluations = 0 is not valid"),
        ({"--out": None}, "give the folder of the study with --out DIR"),
        ({"--split-seed": "-1"}, "split_seed must not be negative"),
    ],
)
def test_mistakes_in_the_options(run_words, tmp_path, change, message):
    words = [str(word) for word in run_words]
    for option, value in change.items():
        if option in words:
            place = words.index(option)
            words[place : place + 2] = []
        words += [] if value is None else [option, value]
    assert message in refused(*words)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"first,second,answer\na,b,yes\nc,d\n", "row 3"),
        (b"first,second,answer\na,b,yes\nc,d,\n", "row 3"),
        (b"first,second,answer\na,b,yes\nc,d,yes\n", "single class 'yes'"),
        (b"first,second,answer\n", "mine.csv"),
        (b"", "mine.csv"),
        (b"first,second,answer\ncaf\xe9,b,yes\n", "UTF-8"),
    ],
)
def test_mistakes_in_the_table(tiny_model, tmp_path, text, message):
    (tmp_path / "mine.csv").write_bytes(text)
    error = refused(
        "study", "run", "--task", tmp_path / "mine.csv", *COLUMNS, "--model", tiny_model, "--out", tmp_path / "s"
    )
    assert message in error
    assert "mine.csv" in error
    assert not (tmp_path / "s").exists()


def test_an_unknown_label_in_the_development_file(run_words, table, tmp_path):
    (tmp_path / "dev.csv").write_text("first,second,answer\na,b,yes\nc,d,perhaps\n")
    error = refused(*run_words, "--dev", tmp_path / "dev.csv")
    assert "dev.csv" in error
    assert "row 3" in error
    assert "'perhaps'" in error
    second = shutil.copy(table, tmp_path / "other.csv")
    assert "cannot be the development set of 2 tasks" in refused(
        *run_words, "--dev", tmp_path / "dev.csv", "--task", second
    )


def test_mistakes_in_the_study_file(tmp_path, ran):
    (tmp_path / "s.toml").write_text('tasks = ["glue/rte"]\nmodels = ["x"]\nseed = 3\n')
    error = refused("study", "run", tmp_path / "s.toml", "--out", tmp_path / "new")
    assert f"unknown key 'seed' in the study file {tmp_path / 's.toml'}; did you mean 'seeds'" in error
    assert "there is no study file" in refused("study", "run", tmp_path / "none.toml", "--out", tmp_path / "new")
    for words in (["--seeds", 3], ["--name", "x"], ["--first-seed", 5], ["--text", "x"]):
        error = refused("study", "run", ran[0] / "study.toml", "--out", tmp_path / "new", *words)
        assert f"{words[0]} cannot be given with the study file" in error
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("verb", [["status"], ["summary"], ["export", "--parquet", "x.parquet"]])
def test_folders_that_are_not_a_study(verb, ran, tmp_path):
    assert "there is no folder" in refused("study", verb[0], tmp_path / "none", *verb[1:])
    assert "is not a study: it has no seedproof.json" in refused("study", verb[0], tmp_path, *verb[1:])
    newer = tmp_path / "newer"
    newer.mkdir()
    marker = json.loads((ran[0] / "seedproof.json").read_text())
    marker.pop(KEY)  # as if that version had written it
    (newer / "seedproof.json").write_text(json.dumps(marker | {"format": 99}))
    assert "written by a newer seedproof (format 99" in refused("study", verb[0], newer, *verb[1:])


def test_mistakes_leave_a_study_untouched(ran, table, tiny_model, tmp_path):
    folder = ran[0]
    before = content(folder)
    words = ["study", "run", "--task", table, *COLUMNS, "--model", tiny_model, "--out", folder]
    assert "threads = 1" in refused(*words, "--set", "max_steps=3", "--threads", 2)
    assert "did you mean" in refused("study", "summary", folder, "--format", "jsn")
    assert "n-1" in refused("study", "summary", folder, "--sd-divisor", "2")
    assert "there is no folder" in refused("study", "export", folder, "--parquet", tmp_path / "none" / "x.parquet")
    assert "unknown list 'task'; did you mean 'tasks'" in refused("ls", "task")
    assert content(folder) == before


def test_options_that_do_not_exist_end_with_status_2():
    outcome = command("study", "run", "--sedes", 3)
    assert outcome.code == 2
    assert "--seeds" in outcome.err
    assert "Traceback" not in outcome.err


def test_debug_shows_the_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seedproof", "study", "status", str(tmp_path), "--debug"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "UserError" in done.stderr


@pytest.mark.slow
def test_runs_that_crash_are_said_to(run_words, tiny_model, tmp_path):
    """A fault that the trial batch did not foresee: weights that are whole but hold nothing of the model."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    save_file({"w": torch.zeros(2)}, folder / "model.safetensors", metadata={"format": "pt"})
    words = [folder if word == tiny_model else word for word in run_words]
    with mock.patch("seedproof.study.study.Study.try_out", return_value=[]):
        outcome = command(*words)
    assert outcome.code == 1
    assert "nothing is pre-trained" in outcome.err
    assert "error: 1 run crashed; to see why: seedproof study status" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.slow
def test_ctrl_c_says_how_to_continue(run_words, tmp_path):
    words = [sys.executable, "-m", "seedproof", *map(str, run_words), "--set", "epochs=2000", "--jobs", "1"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _wait(lambda: list(tmp_path.glob("new/runs/*/journal.jsonl")))
            os.kill(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert errors.index("stopping after") < errors.index("1 interrupted; give the same command again to continue")
    assert "Traceback" not in errors


def _wait(condition, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_a_dry_run_tries_a_batch_and_says_what_is_drawn(tiny_model, tmp_path):
    """What every run would die of is found before any is started; the head is named."""
    own = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    words = ["study", "run", "--task", "miniature/acceptability", "--model", own, "--device", "cpu", "--dry-run"]
    assert f"{own}: drawn from each run's head seed: classifier.bias, classifier.weight" in command(*words).out
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    broken = command(*words)
    assert (broken.code, broken.out) == (2, "")
    assert "does not hold 16 of the 55 parameters of the encoder" in broken.err
    assert "which are drawn at random from each run's head seed" in command(*words, "--draw-missing").out
    assert "devlin(new_head=True)" in command(*words, "--draw-missing", "--new-head").out
