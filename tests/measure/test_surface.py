"""Surfaces of real classifiers: each point against a stock model with those weights, interruption, and mistakes."""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import signal
import tempfile

import pandas as pd
import pytest
import torch
from tests.measure.made import make_classifier, make_pretrained
from transformers import AutoTokenizer

import seedproof
from seedproof.errors import UserError
from seedproof.measure import surface as module
from seedproof.measure.surface import choose_examples
from seedproof.models.loading import load_classifier
from seedproof.models.source import find_model
from seedproof.store.measurements import measurements

ONE_LABEL = "single_label_classification"

FAMILIES = ("bert", "roberta", "albert")


@pytest.fixture
def models(pretrained):
    """A failed and a successful classifier in memory, in training mode as a caller may have them."""
    return [make_classifier(pretrained["bert"], seed=seed).train() for seed in (1, 2)]


def measure(pretrained, models, task, **options):
    settings = {"head_seed": 0, "side": 3, "edge": 3, "examples": 20, "jobs": 1, "gradient_norm": True, **options}
    return seedproof.surface(pretrained, *models, task=task, **settings)


def oracle(folder, models, task, alpha, beta, chosen) -> tuple[float, float]:
    """Loss and gradient norm of a stock model whose weights were put together by name, on one padded batch."""
    start = load_classifier(find_model(str(folder)), labels=2, problem_type=ONE_LABEL, head_seed=0).model
    p, f, s = (dict(model.named_parameters()) for model in (start, *models))
    model = copy.deepcopy(start).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(p[name] + alpha * (f[name] - p[name]) + beta * (s[name] - p[name]))
    train = task.train
    batch = AutoTokenizer.from_pretrained(folder)(
        [train.texts[i] for i in chosen], [train.pairs[i] for i in chosen], padding=True, return_tensors="pt"
    )
    loss = torch.nn.functional.cross_entropy(model(**batch).logits, torch.from_numpy(train.labels[chosen]))
    loss.backward()
    gradients = [value.grad.flatten() for value in model.parameters() if value.grad is not None]
    return float(loss.detach()), float(torch.cat(gradients).norm())


@pytest.mark.parametrize("family", ["bert", *(pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES[1:])])
def test_every_point_is_what_a_stock_model_gives(pretrained, small_task, family, monkeypatch):
    monkeypatch.setattr("seedproof.measure.classifier_loss.BATCH_TOKENS", 200)  # several batches
    models = [make_classifier(pretrained[family], seed=seed) for seed in (1, 2)]
    found = measure(pretrained[family], models, small_task)
    chosen = choose_examples(len(small_task.train), 20, 0)
    for row in [*found.grid.itertuples(), *found.edges.itertuples(), *found.points.itertuples()]:
        loss, norm = oracle(pretrained[family], models, small_task, row.alpha, row.beta, chosen)
        assert row.loss == pytest.approx(loss, rel=1e-4)
        assert row.gradient_norm == pytest.approx(norm, rel=1e-3)


def test_a_model_of_the_caller_is_not_changed(pretrained, models, small_task):
    before = [{name: value.clone() for name, value in model.state_dict().items()} for model in models]
    threads = torch.get_num_threads()
    measure(pretrained["bert"], models, small_task)
    assert torch.get_num_threads() == threads
    for model, state in zip(models, before, strict=True):
        assert model.training
        assert all(value.grad is None and value.requires_grad for value in model.parameters())
        assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_folders_give_the_same_as_models(pretrained, models, small_task, tmp_path):
    for name, model in zip("fs", models, strict=True):
        model.save_pretrained(tmp_path / name)
    found = measure(pretrained["bert"], [tmp_path / "f", tmp_path / "s"], small_task)
    pd.testing.assert_frame_equal(found.grid, measure(pretrained["bert"], models, small_task).grid, check_exact=True)


def test_it_goes_on_where_it_was_interrupted(pretrained, models, small_task, tmp_path, monkeypatch):
    whole = measure(pretrained["bert"], models, small_task)

    def stop(done, of):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="4 of 7 parts are kept; give the same command again"):
        measure(pretrained["bert"], models, small_task, folder=tmp_path, report=stop)
    (kept,) = measurements(tmp_path)
    assert not kept.is_finished
    counted = []
    again = measure(pretrained["bert"], models, small_task, folder=tmp_path, report=lambda *both: counted.append(both))
    assert counted == [(4, 7), (5, 7), (6, 7), (7, 7)]
    for name, table in whole.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_exact=True)
    monkeypatch.setattr(module, "_plane", lambda *_: pytest.fail("a finished surface needs no model"))
    stored = measure(pretrained["bert"], models, small_task, folder=tmp_path)
    pd.testing.assert_frame_equal(stored.grid, whole.grid, check_exact=True)
    assert kept.is_finished
    (kept.path / "result.json").unlink()  # killed after the last part
    measure(pretrained["bert"], models, small_task, folder=tmp_path)
    assert kept.result() == {"parts": 7}


@pytest.mark.slow
def test_processes_change_no_bit(pretrained, models, small_task):
    alone, together = (measure(pretrained["bert"], models, small_task, jobs=jobs) for jobs in (1, 2))
    for name, table in alone.tables.items():
        pd.testing.assert_frame_equal(together.tables[name], table, check_exact=True)


@pytest.mark.slow
def test_a_killed_process_is_a_message_and_what_was_measured_stays(
    pretrained, models, small_task, tmp_path, monkeypatch
):
    started = []
    from seedproof.measure import pool

    original = pool._start
    monkeypatch.setattr(pool, "_start", lambda *args: started.append(original(*args)) or started[-1])

    def kill(done, of):
        if done == 2:
            for worker in started:
                worker.kill()

    with pytest.raises(UserError, match=r"was killed \(signal 9"):
        measure(pretrained["bert"], models, small_task, jobs=2, side=40, folder=tmp_path, report=kill)
    assert all(worker.process.poll() is not None for worker in started)
    (kept,) = measurements(tmp_path)
    assert len(kept.done()) >= 2


@pytest.mark.slow
def test_sigterm_ends_it_as_ctrl_c_and_leaves_nothing(pretrained, models, small_task, tmp_path, monkeypatch):
    """Also while the error is looked at, which keeps what raised it: the models of three large runs would stay in /tmp."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def stop(done, of):
        if done == 2:
            assert list(scratch.iterdir())
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt, match="2 of 7 parts are kept; give the same command again"):
        measure(pretrained["bert"], models, small_task, jobs=2, folder=tmp_path / "kept", report=stop)
    assert list(scratch.iterdir()) == []


def test_which_examples_are_taken():
    assert choose_examples(10, 4, None) == [0, 1, 2, 3]
    assert choose_examples(3, 128, 0) == [0, 1, 2]
    drawn = choose_examples(1000, 128, 0)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 128
    assert drawn != choose_examples(1000, 128, 1)
    with pytest.raises(UserError, match="examples = 0"):
        choose_examples(10, 0, 0)
    with pytest.raises(UserError, match="example_seed = -1"):
        choose_examples(10, 5, -1)


def test_fewer_examples_than_asked_for_are_stated(pretrained, models, small_task):
    found = measure(pretrained["bert"], models, small_task, side=0, examples=128)
    assert found.settings["examples"] == len(small_task.train) == 40


def test_checkpoints_of_different_architectures(pretrained, models, small_task, tmp_path):
    deeper = make_pretrained("bert", tmp_path / "deeper", layers=5)
    with pytest.raises(UserError, match=r"pre-trained and the successful model .* \(num_hidden_layers 3 against 5\)"):
        measure(pretrained["bert"], [models[0], make_classifier(deeper, seed=1)], small_task)
    make_classifier(pretrained["roberta"], seed=1).save_pretrained(tmp_path / "roberta")
    with pytest.raises(UserError, match="model_type 'bert' against 'roberta'"):
        measure(pretrained["bert"], [tmp_path / "roberta", models[1]], small_task)


def test_equal_shapes_do_not_make_equal_architectures(pretrained, models, small_task, tmp_path):
    """Neither ALBERT's depth nor the number of heads shows in any parameter."""
    models[1].save_pretrained(tmp_path / "s")
    config = json.loads((tmp_path / "s" / "config.json").read_text())
    (tmp_path / "s" / "config.json").write_text(json.dumps(config | {"num_attention_heads": 4}))
    with pytest.raises(UserError, match="num_attention_heads 2 against 4"):
        measure(pretrained["bert"], [models[0], tmp_path / "s"], small_task)


def test_a_diverged_model_spans_no_plane(pretrained, models, small_task):
    with torch.no_grad():
        models[0].classifier.weight[0, 0] = math.inf
    with pytest.raises(UserError, match=r"failed model given diverged: its weight 'classifier\.weight' is not finite"):
        measure(pretrained["bert"], models, small_task)


def test_a_head_that_is_missing_or_of_another_size(pretrained, models, small_task, tmp_path):
    other = load_classifier(find_model(str(pretrained["bert"])), labels=3, problem_type=ONE_LABEL, head_seed=0).model
    other.save_pretrained(tmp_path / "three")
    for folder in (tmp_path / "three", pretrained["bert"]):
        with pytest.raises(UserError, match="has no head with 2 outputs"):
            measure(pretrained["bert"], [folder, models[1]], small_task)
    with pytest.raises(UserError, match="classifier"):
        measure(pretrained["bert"], [models[0], other], small_task)


def test_a_folder_without_weights(pretrained, models, small_task, tmp_path):
    folder = shutil.copytree(pretrained["bert"], tmp_path / "bare")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"failed model .* has no \*\.safetensors"):
        measure(pretrained["bert"], [folder, models[1]], small_task)


def test_a_device_that_is_not_there_and_a_head_without_a_seed(pretrained, models, small_task, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="PyTorch finds no GPU here; give cpu"):
        measure(pretrained["bert"], models, small_task, device="cuda")
    with pytest.raises(UserError, match="head_seed = -1"):
        measure(pretrained["bert"], models, small_task, head_seed=-1)


def test_jobs_below_one(pretrained, models, small_task):
    with pytest.raises(UserError, match="jobs must be at least 1"):
        measure(pretrained["bert"], models, small_task, jobs=0)
