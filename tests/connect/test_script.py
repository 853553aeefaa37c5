"""A stock script with the two lines, as a person runs it, and what it writes in every command; other people's Trainers."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
from tests import needs
from tests.conftest import REPOSITORY
from tests.docs.blocks import blocks_of
from tests.doctor.planted import CLEAN, prepare, with_faults
from typer.testing import CliRunner

import seedproof as sp
from seedproof.cli.app import app
from seedproof.models.source import find_model
from seedproof.store import Store

QUIET = {"seed=seed,": 'seed=seed, report_to=[], use_cpu=True, disable_tqdm=True, save_strategy="no",'}
DATA = ("--task", "train.csv", "--dev", "dev.csv", "--text", "text", "--label", "label")


def script(folder, changes=QUIET, end="", launcher=()):
    """Run the script in a folder with what it wants: a small model and two tables."""
    prepare(folder)
    (folder / "train.py").write_text(changed(CLEAN, changes) + end, encoding="utf-8")
    variables = os.environ | {"HF_DATASETS_CACHE": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *launcher, "train.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=variables)
    assert done.returncode == 0, done.stderr[-3000:]
    return Store.open(folder / "out" / "stability")


def changed(text, changes):
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def run(*words):
    done = CliRunner().invoke(app, list(map(str, words)))
    return done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which the stock script was run as it is."""
    folder = tmp_path_factory.mktemp("stock")
    script(folder, changes={})
    return folder


@pytest.mark.slow
def test_a_stock_script_with_two_lines_is_shown_in_the_report(trained):
    path = trained / "out" / "stability"
    runs = sp.open_results(path).runs()
    columns = runs[["seed", "state", "recipe", "steps", "evaluated_step"]]
    assert columns.values.tolist() == [[str(seed), "finished", "trainer", 120, 120] for seed in (0, 1000)]
    assert "trainer" in run("study", "summary", path)
    assert "2 finished" in run("study", "status", path)
    assert "report.html" in run("report", path)
    page = (path / "report.html").read_text(encoding="utf-8")
    said = ("Gradient norms of a", "Training loss of failed", "A script with a Trainer made these runs", "observed")
    assert [words for words in said if words not in page] == []
    assert "bit for bit" not in page
    study = ["--task", "miniature/entailment", "--model", "miniature/bert-shallow", "--out", str(path)]
    assert "no study makes them" in str(CliRunner().invoke(app, ["study", "run", *study]).exception)


@pytest.mark.slow
def test_the_doctor_finds_nothing_in_that_script_and_three_faults_that_are_planted_into_it(trained, monkeypatch):
    monkeypatch.chdir(trained)
    clean = CliRunner().invoke(app, ["doctor", "train.py", *DATA])
    assert (clean.exit_code, "nothing found; 19 rules checked" in clean.output) == (0, True), clean.output
    Path("faulty.py").write_text(with_faults(*PLANTED), encoding="utf-8")
    faulty = CliRunner().invoke(app, ["doctor", "faulty.py", *DATA])
    assert faulty.exit_code == 1
    assert re.findall(r"^(?:serious|warning|note): (.*)$", faulty.output, re.MULTILINE) == list(PLANTED)
    for shown in shown_of_doctor():
        assert shown in faulty.output.splitlines() + clean.output.splitlines()


PLANTED = ("head-before-seed", "no-clipping", "shared-data-orders")
PAGE = (REPOSITORY / "docs" / "trainer.md").read_text(encoding="utf-8")


def shown_of_doctor():
    """The lines that docs/trainer.md shows of the doctor's output."""
    return [line for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line]


def test_the_page_shows_that_script():
    blocks = {block.language: block for block in blocks_of(PAGE) if any("stock_script" in mark for mark in block.marks)}
    lines = [line for line in blocks["python"].code.splitlines() if line.strip() not in ("", "...")]
    assert len(lines) > 20
    assert [line for line in lines if line not in CLEAN.splitlines()] == []
    assert blocks["diff"].code == "".join(
        f"-{old}\n+{new}\n"
        for old, new in zip(CLEAN.splitlines(), with_faults(*PLANTED).splitlines(), strict=True)
        if old != new
    )
    assert len(shown_of_doctor()) > 8


@pytest.mark.slow
def test_in_several_processes_the_first_one_records(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    end = "    import os; os._exit(0)  # gloo's threads may wait for each other at the end of the interpreter\n"
    short = {"num_train_epochs=20": 'num_train_epochs=2, ddp_backend="gloo"', "range(0, 2000, 1000)": "range(1)"}
    store = script(tmp_path, QUIET | short, end, launcher)
    results = sp.open_results(store.path)
    [row] = results.runs().to_dict("records")
    assert (row["state"], row["steps"]) == ("finished", 6)
    assert len(results.logits(row["run"])["dev"]) == 400
    assert 0.3 < results.losses(row["run"])["loss"].iloc[0] < 1.1  # the Trainer's own is twice of it
    [observed] = results.records(row["run"]).query("kind == 'observed'")["processes"].tolist()
    assert observed == 2


def require(name):
    if importlib.util.find_spec(name) is None:
        needs.lacking("trainers", f"no {name} here; install it: pip install 'seedproof[trainers]'")


def pairs(split, count):
    return datasets.Dataset.from_dict(
        {"one": list(split.texts[:count]), "other": list(split.pairs[:count]), "label": split.labels[:count].tolist()}
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of sentence-transformers
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_cross_encoder_of_sentence_transformers_is_recorded(tmp_path, outputs):
    require("sentence_transformers")
    import numpy as np
    from sentence_transformers.cross_encoder import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
    from torch import nn

    from seedproof.connect import StabilityCallback

    task = sp.load_task("miniature/entailment")
    model = CrossEncoder(str(find_model("miniature/bert-shallow").folder), num_labels=outputs, device="cpu")
    arguments = CrossEncoderTrainingArguments(
        str(tmp_path / "checkpoints"),
        max_steps=4,
        report_to=[],
        use_cpu=True,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="no",
    )
    trainer = CrossEncoderTrainer(
        model=model, args=arguments, train_dataset=pairs(task.train, 64), eval_dataset=pairs(task.dev, 40)
    )
    trainer.add_callback(StabilityCallback(tmp_path / "store"))
    trainer.train()
    results = sp.open_results(tmp_path / "store")
    [row] = results.runs().to_dict("records")
    assert row["state"] == "finished"
    scores = model.predict(
        list(zip(task.dev.texts[:40], task.dev.pairs[:40], strict=True)), activation_fn=nn.Identity()
    )
    recorded = results.logits(row["run"])["dev"]
    np.testing.assert_allclose(recorded if outputs == 2 else recorded[:, 1], np.asarray(scores), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of setfit and sentence-transformers
def test_setfit_trains_no_head_with_a_trainer_and_that_is_said(tmp_path):
    require("setfit")
    from setfit import SetFitModel, Trainer, TrainingArguments

    from seedproof.connect import StabilityCallback

    task = sp.load_task("miniature/acceptability")
    rows = datasets.Dataset.from_dict({"text": list(task.train.texts[:16]), "label": task.train.labels[:16].tolist()})
    trainer = Trainer(
        model=SetFitModel.from_pretrained(str(find_model("miniature/bert-shallow").folder)),
        args=TrainingArguments(output_dir=str(tmp_path / "checkpoints"), max_steps=2, report_to="none"),
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[StabilityCallback(tmp_path / "store")],
    )
    with pytest.raises(sp.UserError, match="SetFit fits its head without a Trainer"):
        trainer.train()
