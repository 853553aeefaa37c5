"""A stock script with the two lines, as a person runs it, and what it writes in every command; other people's Trainers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import datasets
import pytest
from typer.testing import CliRunner

import seedproof as sp
from seedproof.cli.app import app
from seedproof.models.source import find_model
from seedproof.store import Store

SCRIPT = """
import csv, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

tokenizer = AutoTokenizer.from_pretrained(MODEL)

def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {**tokenizer(row["text"], truncation=True, max_length=64), "labels": int(row["label"])}
            for row in csv.DictReader(file)
        ]

model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)
arguments = TrainingArguments(
    "checkpoints", num_train_epochs=2, learning_rate=5e-4, eval_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True,
    remove_unused_columns=False, disable_tqdm=True, EXTRA
)
trainer = Trainer(
    model, arguments, train_dataset=rows("train.csv"), eval_dataset=rows("dev.csv"), processing_class=tokenizer
)
from seedproof.connect import StabilityCallback
trainer.add_callback(StabilityCallback("store"))
trainer.train()
END
"""


def write_table(path, split, count):
    lines = [f'"{text}",{label}' for text, label in zip(split.texts[:count], split.labels[:count], strict=True)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")


def script(folder, model="miniature/bert", extra="", end="", launcher=()):
    """Run the script in a folder with a small table."""
    task = sp.load_task("miniature/acceptability")
    write_table(folder / "train.csv", task.train, 160)
    write_table(folder / "dev.csv", task.dev, 60)
    text = SCRIPT.replace("MODEL", repr(str(find_model(model).folder))).replace("EXTRA", extra).replace("END", end)
    (folder / "train.py").write_text(text, encoding="utf-8")
    command = [sys.executable, *launcher, "train.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ})
    assert done.returncode == 0, done.stderr[-3000:]
    return Store.open(folder / "store")


def run(*words):
    done = CliRunner().invoke(app, list(map(str, words)))
    return done.output


@pytest.mark.slow
def test_a_stock_script_with_two_lines_is_shown_in_the_report(tmp_path):
    store = script(tmp_path)
    [row] = sp.open_results(store.path).runs().to_dict("records")
    assert (row["state"], row["recipe"], row["steps"], row["evaluated_step"]) == ("finished", "trainer", 40, 40)
    assert "trainer" in run("study", "summary", store.path)
    assert "1 finished" in run("study", "status", store.path)
    assert "report.html" in run("report", store.path)
    page = (store.path / "report.html").read_text(encoding="utf-8")
    for said in (
        "Gradient norms of a",
        "Training loss of failed",
        "A script with a Trainer made these runs",
        "observed",
    ):
        assert said in page
    assert "bit for bit" not in page
    assert "no study makes them" in str(
        CliRunner()
        .invoke(
            app,
            [
                "study",
                "run",
                "--task",
                "miniature/entailment",
                "--model",
                "miniature/bert-shallow",
                "--out",
                str(store.path),
            ],
        )
        .exception
    )


@pytest.mark.slow
def test_in_several_processes_the_first_one_records(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    end = "import os; os._exit(0)"  # gloo's threads may wait for each other at the end of the interpreter
    store = script(tmp_path, "miniature/bert-shallow", 'ddp_backend="gloo"', end, launcher)
    results = sp.open_results(store.path)
    [row] = results.runs().to_dict("records")
    assert (row["state"], row["steps"]) == ("finished", 20)
    assert len(results.logits(row["run"])["dev"]) == 60
    assert 0.3 < results.losses(row["run"])["loss"].iloc[0] < 1.1  # the Trainer's own is twice of it
    [observed] = results.records(row["run"]).query("kind == 'observed'")["processes"].tolist()
    assert observed == 2


def pairs(split, count):
    return datasets.Dataset.from_dict(
        {"one": list(split.texts[:count]), "other": list(split.pairs[:count]), "label": split.labels[:count].tolist()}
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of sentence-transformers
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_cross_encoder_of_sentence_transformers_is_recorded(tmp_path, outputs):
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers is not installed")
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
    if importlib.util.find_spec("setfit") is None:
        pytest.skip("setfit is not installed")
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
