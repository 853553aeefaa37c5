"""One trial batch before many runs: what all would die of is one message, and what is drawn at random is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seedproof.errors import UserError
from seedproof.execution import trial
from seedproof.models.loading import load_classifier
from seedproof.models.source import find_model
from seedproof.recipes import recipe
from seedproof.study.study import Study

ONE_LABEL = "single_label_classification"


@pytest.fixture
def folder(tiny_model, tmp_path) -> Path:
    """A copy of the tiny model that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def change(path: Path, **values) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def make_study(folder: Path, task, **fields) -> Study:
    fields = {"recipes": [recipe("devlin", max_steps=1)], "seeds": 2, "device": "cpu", **fields}
    return Study("trial", tasks=[task], models=[str(folder)], **fields)


def said(study: Study, into: Path) -> list[str]:
    notes: list[str] = []
    study.prepare(into, say=notes.append)
    return notes


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (
            {"vocab_size": 160},
            r"1 of the \d+ .*word_embeddings\.weight \(\d+ x 16 in the file, 160 x 16 by config\.json\)",
        ),
        ({"num_hidden_layers": 3}, r"16 of the \d+ .*: bert\.encoder\.layer\.2\.attention\..* and 12 more"),
    ],
)
def test_an_encoder_is_not_drawn_at_random_unless_told(folder, small_task, tmp_path, config, named):
    change(folder / "config.json", **config)
    with pytest.raises(UserError, match=named) as caught:
        make_study(folder, small_task).prepare(tmp_path / "study")
    assert "--draw-missing" in str(caught.value)
    assert not (tmp_path / "study").exists()
    told = make_study(folder, small_task, draw_missing=True)
    assert said(told, tmp_path / "study")[0].startswith("warning: ")
    assert Study.read(tmp_path / "study" / "study.toml").draw_missing  # the same command goes on with it


def test_a_pooler_or_head_that_is_missing_is_drawn_and_named(folder, small_task, tmp_path):
    """Masked-LM checkpoints and sentence encoders have neither."""
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "pooler" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    notes = said(make_study(folder, small_task), tmp_path / "study")
    assert notes == [
        f"{folder}: drawn from each run's head seed: bert.pooler.dense.bias, bert.pooler.dense.weight, classifier.bias, "
        "classifier.weight"
    ]


@pytest.fixture
def fine_tuned(folder, tiny_model) -> Path:
    """A checkpoint that comes with a head for two classes."""
    loaded = load_classifier(find_model(str(tiny_model)), labels=2, problem_type=ONE_LABEL, head_seed=7)
    loaded.model.save_pretrained(folder)
    return folder


def parameters(folder: Path, seed: int, new_head: bool) -> dict[str, torch.Tensor]:
    source = find_model(str(folder))
    loaded = load_classifier(source, labels=2, problem_type=ONE_LABEL, head_seed=seed, new_head=new_head)
    return dict(loaded.model.named_parameters())


def heads(folder: Path, new_head: bool) -> list[torch.Tensor]:
    return [parameters(folder, seed, new_head)["classifier.weight"] for seed in (7, 8)]


@pytest.mark.newest
def test_a_head_that_came_with_the_checkpoint_is_named_or_drawn_anew(fine_tuned, small_task, tmp_path):
    kept = make_study(fine_tuned, small_task)
    assert "came with a head of this size, which every run keeps" in said(kept, tmp_path / "kept")[0]
    assert torch.equal(*heads(fine_tuned, new_head=False))
    new = make_study(fine_tuned, small_task, settings={"new_head": True})
    assert said(new, tmp_path / "new") == [
        f"{fine_tuned}: drawn from each run's head seed: classifier.bias, classifier.weight"
    ]
    assert not torch.equal(*heads(fine_tuned, new_head=True))
    new_parameters, stored = parameters(fine_tuned, 9, new_head=True), load_file(fine_tuned / "model.safetensors")
    assert all(torch.equal(new_parameters[name], stored[name]) == (name != "classifier.weight") for name in stored)


def test_a_new_head_is_another_run_and_the_kept_one_is_as_before(fine_tuned, small_task):
    ids = []
    for settings in ({}, {"new_head": False}, {"new_head": True}):
        study = make_study(fine_tuned, small_task, settings=settings)
        ids.append([run.spec.id for run in study.plan(study.numerics()).runs])
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


def break_tokenizer(folder: Path) -> None:
    """Give every word one number that the model has no embedding for, in a vocabulary that is not too large."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    words = [word for word in vocabulary if not word.startswith("[")]
    content["model"]["vocab"] = vocabulary | {word: 1000 + number for number, word in enumerate(words)}
    path.write_text(json.dumps(content))


def test_what_every_run_would_die_of_is_one_message(folder, small_task, tmp_path):
    break_tokenizer(folder)
    with pytest.raises(UserError, match=r"one batch of small ends the model .* with IndexError: .* none was started"):
        make_study(folder, small_task).prepare(tmp_path / "study")
    assert not (tmp_path / "study").exists()
    tasks = ["miniature/entailment", "miniature/answer"]
    study = Study("two", tasks=tasks, models=[str(folder)], seeds=3, device="cpu")
    with pytest.raises(UserError) as caught:
        study.try_out(study.plan(study.numerics()))
    assert [line.split()[3] for line in str(caught.value).splitlines()] == tasks


def test_layers_and_words_that_do_not_fit_are_said(folder, small_task, tmp_path):
    """Half of the layers may be meant, and a word without an embedding need not be in any text."""
    change(folder / "config.json", num_hidden_layers=1)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    del vocabulary[next(word for word in vocabulary if word[0] != "[")]
    vocabulary["zzz"] = 1000
    path.write_text(json.dumps(content))
    _, layers, words = said(make_study(folder, small_task), tmp_path / "study")
    assert "layers that its config.json leaves out: bert.encoder.layer.1." in layers
    assert "has the id 1000 for 'zzz', but the model's vocabulary ends at" in words


def test_weights_that_are_not_finite_are_said_to_diverge_at_once(folder, small_task, tmp_path):
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name][:] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "will end as failed (diverged) at its first step" in said(make_study(folder, small_task), tmp_path / "a")[-1]


def test_the_caller_s_generators_are_untouched(tiny_model, small_task, monkeypatch):
    monkeypatch.setattr(trial, "_DONE", {})
    study = make_study(tiny_model, small_task)
    before = torch.get_rng_state()
    study.try_out(study.plan(study.numerics()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_nothing_is_tried_where_everything_is_finished(tiny_model, small_task, tmp_path, monkeypatch):
    study = make_study(tiny_model, small_task, seeds=1)
    study.run(tmp_path / "study", jobs=1, progress=False)
    monkeypatch.setattr(trial, "_DONE", {})
    monkeypatch.setattr(trial, "_try", lambda *_: pytest.fail("tried"))
    study.prepare(tmp_path / "study")
    with pytest.raises(pytest.fail.Exception):
        make_study(tiny_model, small_task, seeds=2).prepare(tmp_path / "study")


def test_what_mixout_mixes_is_said(tiny_model, small_task, tmp_path):
    """All but the last layer of each feed-forward part, which takes an activation and no dropout's output."""
    study = make_study(tiny_model, small_task, recipes=["mixout"])
    assert said(study, tmp_path / "study")[-1].endswith(
        "mixout mixes 12 of 14 linear layers; left as they are: bert.encoder.layer.output.dense"
    )
