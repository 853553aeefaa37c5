"""Fleet against plain engine on real data and real weights, over one step and over fifty, and in bf16.

Single steps agree at every setting. Whole runs are compared where training is stable: unstable runs amplify rounding.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tests.fleets import Run, make_data, make_fleet, make_run, plain_steps, use_masks_of_fleet
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaTokenizerFast,
)

from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import find_model
from seedproof.models.tokens import tokenize
from seedproof.recipes import RECIPES, recipe, resolve
from seedproof.spec import Seeds
from seedproof.tasks import Split, load_task
from seedproof.training.engine import RunData
from seedproof.training.plan import make_plan

ONE_LABEL = "single_label_classification"

MODELS = {
    "bert": (BertConfig, BertForSequenceClassification, BertTokenizerFast, "bert-base-uncased"),
    "roberta": (RobertaConfig, RobertaForSequenceClassification, RobertaTokenizerFast, "roberta-base"),
    # With BERT's vocabulary: ALBERT's own needs a library more to be read, and the engines see numbers alone.
    "albert": (AlbertConfig, AlbertForSequenceClassification, BertTokenizerFast, "bert-base-uncased"),
}


def first(split, count):
    return Split(split.texts[:count], split.pairs[:count], np.array(split.labels[:count]))


def runs_of(source, task, names, **settings):
    """A run of each recipe on the first examples of a task; every one begins at its full rate, with its own seed."""
    task = dataclasses.replace(task, train=first(task.train, 96), dev=first(task.dev, 16), extra={})
    runs = []
    for seed, name in enumerate(names):
        chosen = resolve(recipe(name, dropout=0.0, **settings), source.family, source.card).recipe
        tokenizer = load_tokenizer(source)
        given = {"max_length": 128 if source.positions > 128 else source.positions, "positions": source.positions}
        tokens = [tokenize(split, tokenizer, **given) for split in (task.train, task.dev)]
        data = RunData(train=tokens[0], evaluation={"dev": tokens[1]}, score=task.score, metric=task.metrics[0])
        model = load_classifier(source, labels=2, problem_type=ONE_LABEL, head_seed=seed, dropout=0.0).model
        plan = make_plan(chosen, Seeds.from_number(seed), 96)
        runs.append(Run(model, chosen, plan, data, seed, {"gradients": 1}))
    return runs


def agree(runs, steps=1, precision="fp32", loss_tolerance=1e-5, gradient_tolerance=1e-3):
    """Losses over ``steps``, and the norm of each gradient at the first, as the probes record them before clipping."""
    engine, _, _ = make_fleet(runs, precision)
    seen = [engine.train_step() for _ in range(steps)]
    for index, run in enumerate(runs):
        plain = run.plain(precision)
        use_masks_of_fleet(plain, engine, index)
        losses, gradients = plain_steps(plain, steps)
        np.testing.assert_allclose([r[index][0].values["loss"] for r in seen], losses, rtol=loss_tolerance)
        expected = np.array([value.norm() for value in gradients[0][0].values()])
        found = seen[0][index][1].values
        np.testing.assert_allclose(
            found["norms"], expected, rtol=gradient_tolerance, atol=gradient_tolerance * found["total"]
        )
        weights = engine._state.stack.weights(index)
        if steps == 1:
            for name, value in plain.model.named_parameters():
                moved = (weights[name] - value).abs().max() / run.recipe.peak_learning_rate
                assert moved < 0.1, (name, moved)


@pytest.mark.parametrize(
    "family", ["bert", *(pytest.param(family, marks=pytest.mark.slow) for family in ("roberta", "albert"))]
)
def test_one_step_on_real_rte_batches(tmp_path, glue_dir, vocabulary_dir, family):
    """Every recipe in one fleet, on the tokens of the real vocabulary; only the weights are random."""
    config, kind, reader, vocabulary = MODELS[family]
    tokenizer = reader.from_pretrained(vocabulary_dir / vocabulary)
    special = {"pad_token_id": tokenizer.pad_token_id, "type_vocab_size": 1 if family == "roberta" else 2}
    embedding = {"embedding_size": 16} if family == "albert" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kind(
            config(
                vocab_size=len(tokenizer),
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=48,
                max_position_embeddings=140,
                initializer_range=0.2,
                **special,
                **embedding,
            )
        ).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    task = load_task("glue/rte", data_dir=glue_dir)
    runs = runs_of(find_model(str(tmp_path)), task, RECIPES, warmup_ratio=0.0, learning_rate=1e-4)
    assert max(map(len, runs[0].data.train.ids)) > 100
    agree(runs)


@pytest.mark.parametrize(
    "name", ["bert-shallow", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bert", "roberta"))]
)
def test_one_step_of_the_miniature(name):
    """Every recipe in one fleet, at the model's own learning rate."""
    agree(runs_of(find_model(f"miniature/{name}"), load_task("miniature/entailment"), RECIPES, warmup_ratio=0.0))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", ["bert-shallow", "bert"])
def test_fifty_stable_steps_of_the_miniature(name):
    """In fp32, with correction, at rate 1e-4: losses within 1e-4."""
    source, task = find_model(f"miniature/{name}"), load_task("miniature/entailment")
    runs = runs_of(source, task, ["mosbach"] * 2, learning_rate=1e-4, max_steps=50)
    agree(runs, steps=50, loss_tolerance=1e-4)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", ["bert-shallow", "bert"])
def test_fifty_steps_of_the_miniature_in_fp64(name):
    """Without rounding in the way, at the model's own rate, with correction and without: losses within 1e-4."""
    source, task = find_model(f"miniature/{name}"), load_task("miniature/entailment")
    runs = runs_of(source, task, ["mosbach", "devlin"], max_steps=50)
    agree(runs, steps=50, precision="fp64", loss_tolerance=1e-4)


@pytest.mark.parametrize("family", MODELS)
def test_bf16_is_close_to_the_plain_engine_and_to_fp32(family):
    """One step. Products are rounded to 8 bits in other places than under autocast; weights stay fp32."""
    runs = [
        make_run(family, "devlin", seed=1, warmup_ratio=0.0),
        make_run(family, "mixout", seed=2, warmup_ratio=0.0, batch_size=3, data=make_data(family, 3, longest=5)),
    ]
    losses, norms = {}, {}
    for precision in ("fp32", "bf16"):
        engine, _, _ = make_fleet(runs, precision)
        seen = engine.train_step()
        losses[precision] = [records[0].values["loss"] for records in seen]
        norms[precision] = [records[1].values["norms"] for records in seen]
        assert {value.dtype for value in engine._state.stack.values} == {torch.float32}
    assert losses["bf16"] != losses["fp32"]
    np.testing.assert_allclose(losses["bf16"], losses["fp32"], rtol=0.03)
    for index, run in enumerate(runs):
        plain = run.plain("bf16")
        use_masks_of_fleet(plain, engine, index)
        expected, _ = plain_steps(plain, 1)
        np.testing.assert_allclose(losses["bf16"][index], expected, rtol=0.03)
        total = np.linalg.norm(norms["fp32"][index])
        np.testing.assert_allclose(norms["bf16"][index], norms["fp32"][index], rtol=0.1, atol=0.03 * total)
