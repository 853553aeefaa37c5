"""Forgetting against a slow oracle: layers really copied into a stock masked-LM model, one model for each k."""

from __future__ import annotations

import copy
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tests.measure.made import LAYERS, TEXTS, make_classifier, make_pretrained
from transformers import AlbertConfig, AlbertForMaskedLM, AutoModelForMaskedLM, AutoModelForSequenceClassification

import seedproof
from seedproof.errors import UserError
from seedproof.measure import forgetting as module
from seedproof.measure.masking import Masking, mask_text, read_lines
from seedproof.miniature.corpus import held_out_text
from seedproof.miniature.tokenizer import make_tokenizer
from seedproof.models.checkpoint import quiet_transformers
from seedproof.store.measurements import measurements

LINES = held_out_text(30)
FAMILIES = ("bert", "roberta", "albert")


def unshared(model):
    """An ALBERT with a layer of its own for each application, all of them copies of the shared one."""
    config = AlbertConfig(**{**model.config.to_dict(), "num_hidden_groups": model.config.num_hidden_layers})
    apart = AlbertForMaskedLM(config)
    state = dict(model.state_dict())
    for name in list(state):
        for group in range(1, config.num_hidden_groups):
            state[name.replace("layer_groups.0.", f"layer_groups.{group}.")] = state[name]
    apart.load_state_dict(state)
    return apart


def layers_of(base):
    return base.encoder.albert_layer_groups if hasattr(base.encoder, "albert_layer_groups") else base.encoder.layer


def oracle(pretrained, finetuned, k: int, embeddings: str) -> float:
    """The mean loss of a stock model with the top k layers put back."""
    with quiet_transformers():
        source, tuned = (
            AutoModelForMaskedLM.from_pretrained(pretrained),
            AutoModelForMaskedLM.from_pretrained(finetuned),
        )
    if source.config.model_type == "albert":
        source, tuned = unshared(source), unshared(tuned)
    model = copy.deepcopy(source)
    decoder = model.get_output_embeddings()
    decoder.weight = torch.nn.Parameter(decoder.weight.detach().clone())  # an untied copy of the pre-trained one
    base = model.base_model
    if embeddings == "finetuned":
        base.embeddings.load_state_dict(tuned.base_model.embeddings.state_dict())
        if hasattr(base.encoder, "embedding_hidden_mapping_in"):
            mapping = tuned.base_model.encoder.embedding_hidden_mapping_in
            base.encoder.embedding_hidden_mapping_in.load_state_dict(mapping.state_dict())
    for index in range(LAYERS - k):
        layers_of(base)[index].load_state_dict(layers_of(tuned.base_model)[index].state_dict())
    text = mask_text(read_lines(LINES), make_tokenizer(source.config.model_type), Masking(), 64)
    total, count = 0.0, 0
    for masked, original, asked in zip(text.masked, text.original, text.asked, strict=True):
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor(masked)[None]).logits[0]
        chosen = torch.tensor(asked)
        total += float(
            torch.nn.functional.cross_entropy(logits[chosen], torch.tensor(original)[chosen], reduction="sum")
        )
        count += int(asked.sum())
    return total / count


@pytest.mark.parametrize("family", ["bert", *(pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES[1:])])
@pytest.mark.parametrize("embeddings", ["finetuned", "pretrained"])
def test_every_depth_is_what_the_oracle_says(pretrained, finetuned, family, embeddings):
    table = seedproof.forgetting(finetuned[family], pretrained[family], LINES, embeddings=embeddings, batch_size=4)
    expected = [(k, embeddings) for k in range(LAYERS + 1)] + [(LAYERS, "pretrained")] * (embeddings == "finetuned")
    assert list(zip(table["layers_restored"], table["embeddings"], strict=True)) == expected
    for row in table.itertuples():
        loss = oracle(pretrained[family], finetuned[family], row.layers_restored, row.embeddings)
        assert row.loss == pytest.approx(loss, rel=1e-5)
        assert row.perplexity == pytest.approx(math.exp(loss), rel=1e-5)
    assert table["loss"].nunique() == len(table)  # every depth is another model, so the comparison says something
    assert table["masked_tokens"].nunique() == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_all_layers_with_pretrained_embeddings_is_the_pretrained_model(pretrained, finetuned, family):
    last = seedproof.forgetting(finetuned[family], pretrained[family], LINES, layers=[LAYERS]).iloc[-1]
    itself = seedproof.forgetting(pretrained[family], pretrained[family], LINES, layers=[0])
    with quiet_transformers():
        model = AutoModelForMaskedLM.from_pretrained(pretrained[family]).eval()
    batches = mask_text(read_lines(LINES), make_tokenizer(family), Masking(), 64).batches(32)
    with torch.no_grad():
        sums = [
            torch.nn.functional.cross_entropy(
                model(b.input_ids, b.attention_mask).logits[b.asked], b.targets, reduction="sum"
            )
            for b in batches
        ]
    stock = float(sum(sums)) / sum(len(b.targets) for b in batches)
    assert last["embeddings"] == "pretrained"
    assert last["loss"] == pytest.approx(stock, rel=1e-6)
    assert itself["loss"].iloc[0] == pytest.approx(stock, rel=1e-6)


def test_chosen_layers_are_the_same_numbers(pretrained, finetuned):
    whole = seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES)
    some = seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES, layers=(2, 0, 2))
    picked = whole[whole["layers_restored"].isin([0, 2])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, picked, rtol=1e-6)


def test_layers_may_be_numbers_of_numpy(pretrained, finetuned, tmp_path):
    options = {"seed": np.int64(1), "folder": tmp_path}
    table = seedproof.forgetting(finetuned["bert"], pretrained["bert"], TEXTS, layers=np.arange(2), **options)
    assert table["layers_restored"].tolist() == [0, 1]


def test_many_depths_at_once_or_one_by_one(pretrained, finetuned, monkeypatch):
    """The pieces in which depths go through a layer change nothing."""
    whole = seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES)
    monkeypatch.setattr("seedproof.measure.restored.CHUNK_TOKENS", 1)
    pd.testing.assert_frame_equal(seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES), whole, rtol=1e-5)


def test_a_model_of_the_caller_is_not_changed(pretrained, finetuned):
    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(finetuned["bert"]).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    table = seedproof.forgetting(model, pretrained["bert"], TEXTS)
    assert model.training
    assert all(value.requires_grad for value in model.parameters())
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    pd.testing.assert_frame_equal(table, seedproof.forgetting(finetuned["bert"], pretrained["bert"], TEXTS))


def test_it_goes_on_where_it_was_interrupted(pretrained, finetuned, tmp_path, monkeypatch):
    whole = seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES, batch_size=8)

    def stop(done, of):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES, batch_size=8, folder=tmp_path, report=stop)
    (kept,) = measurements(tmp_path)
    assert len(kept.done()) == 2
    with pytest.raises(UserError, match="interrupted after 2 parts"):
        kept.result()
    again = seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES, batch_size=8, folder=tmp_path)
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    monkeypatch.setattr(module, "_losses", lambda *_: pytest.fail("a finished measurement needs no model"))
    stored = seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES, batch_size=8, folder=tmp_path)
    pd.testing.assert_frame_equal(stored, whole, check_exact=True)
    (kept.path / "result.json").unlink()  # killed after the last part
    seedproof.forgetting(finetuned["bert"], pretrained["bert"], LINES, batch_size=8, folder=tmp_path)
    assert kept.result() == {"batches": len(kept.done())}


def test_a_diverged_model_has_no_perplexity(pretrained, tmp_path):
    model = make_classifier(pretrained["bert"], seed=1)
    with torch.no_grad():
        model.base_model.encoder.layer[0].output.dense.weight.fill_(math.nan)
    table = seedproof.forgetting(model, pretrained["bert"], TEXTS)
    assert table["perplexity"].isna().tolist() == [True] * LAYERS + [False, False]


def test_a_model_without_a_masked_lm_head(finetuned, pretrained, tmp_path):
    folder = shutil.copytree(finetuned["bert"], tmp_path / "classifier")
    shutil.copy(pretrained["bert"] / "tokenizer.json", folder)
    with pytest.raises(UserError, match="has no masked-LM head"):
        seedproof.forgetting(finetuned["bert"], folder, TEXTS)


def test_models_that_do_not_belong_together(finetuned, pretrained, tmp_path):
    deeper = make_pretrained("bert", tmp_path / "deeper", layers=LAYERS + 1)
    with pytest.raises(UserError, match=r"pre-trained and the fine-tuned .* \(num_hidden_layers 4 against 3\)"):
        seedproof.forgetting(finetuned["bert"], deeper, TEXTS)
    with pytest.raises(UserError, match="model_type 'roberta' against 'bert'"):
        seedproof.forgetting(finetuned["bert"], pretrained["roberta"], TEXTS)


def test_weights_that_are_not_an_encoder(finetuned, pretrained, tmp_path):
    folder = shutil.copytree(finetuned["bert"], tmp_path / "half")
    state = load_file(folder / "model.safetensors")
    from safetensors.torch import save_file

    kept = {name: value for name, value in state.items() if "layer.1." not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="lacks 16 parameters of a bert encoder"):
        seedproof.forgetting(folder, pretrained["bert"], TEXTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": [4]}, "has 4, but the model has 3 layers"),
        ({"layers": []}, "layers is empty"),
        ({"embeddings": "tuned"}, "unknown embeddings 'tuned'"),
        ({"max_length": 65}, "has 64 positions"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"mlm_probability": 2}, "mlm_probability is 2"),
        ({"device": "gpu"}, "the device 'gpu' is not valid; give cpu or cuda"),
    ],
)
def test_options_outside_their_range(finetuned, pretrained, options, message):
    with pytest.raises(UserError, match=message):
        seedproof.forgetting(finetuned["bert"], pretrained["bert"], TEXTS, **options)


def test_a_folder_that_is_missing(pretrained, tmp_path):
    with pytest.raises(UserError, match=r"fine-tuned model .* is no folder"):
        seedproof.forgetting(tmp_path / "none", pretrained["bert"], TEXTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"has no config\.json"):
        seedproof.forgetting(tmp_path / "empty", pretrained["bert"], TEXTS)
