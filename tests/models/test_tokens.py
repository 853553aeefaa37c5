"""Texts as tokens: what is cut and counted, segments, padding, and texts that do not fit the model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import needs

from seedproof.errors import UserError
from seedproof.models import tokens as tokens_module
from seedproof.models.loading import load_tokenizer
from seedproof.models.source import ModelSource, find_model
from seedproof.models.tokens import Cut, Inputs, count_cut, tokenize
from seedproof.tasks import Split, load_task

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(find_model(str(tiny_model)))


@pytest.fixture(scope="module")
def words() -> list[str]:
    """Words of the miniature language, one token each."""
    return sorted({word for text in load_task("miniature/acceptability").dev.texts for word in text.split()})[:20]


def split(texts, pairs=None, labels=None) -> Split:
    return Split(texts, pairs, np.zeros(len(texts), int) if labels is None else labels)


def test_lengths_and_truncation(tokenizer, words):
    """Special tokens count: six words make eight tokens; what is longer is cut and counted."""
    texts = [" ".join(words[:count]) for count in (2, 6, 7, 15)]
    tokens = tokenize(split(texts), tokenizer, max_length=8, positions=64)
    assert [len(row) for row in tokens.ids] == [4, 8, 8, 8]
    assert tokens.truncated == 2
    assert len(tokens) == 4
    assert tokenizer.decode(tokens.ids[0], skip_special_tokens=True) == texts[0]
    assert all(row[-1] == tokenizer.sep_token_id for row in tokens.ids)


def test_what_will_be_cut_is_counted_before(tokenizer, words, monkeypatch):
    """As many as tokenizing cuts; of more texts than are looked at the number is an estimate."""
    texts = [" ".join(words[:count]) for count in (2, 6, 7, 15)] * 5
    for pairs in (None, texts[::-1]):
        for length in (8, 13, 40):
            cut = tokenize(split(texts, pairs), tokenizer, max_length=length, positions=64).truncated
            assert count_cut(split(texts, pairs), tokenizer, length).examples == cut
    assert count_cut(split(texts), tokenizer, 8) == Cut(examples=10, longest=17, estimated=False)
    monkeypatch.setattr(tokens_module, "COUNTED", 4)
    assert count_cut(split(texts[3:4] * 20), tokenizer, 8) == Cut(examples=20, longest=17, estimated=True)


def test_the_longer_text_of_a_pair_is_cut_first(tokenizer, words):
    long, short = " ".join(words[:12]), " ".join(words[:3])
    for pair in ((long, short), (short, long)):
        tokens = tokenize(split([pair[0]], [pair[1]]), tokenizer, max_length=13, positions=64)
        first = tokens.ids[0].index(tokenizer.sep_token_id) - 1
        second = len(tokens.ids[0]) - first - 3
        assert sorted((first, second)) == [3, 7]
        assert (first, second) == ((7, 3) if pair[0] == long else (3, 7))


def test_segments(tokenizer, words):
    pairs = split([words[0]], [f"{words[1]} {words[2]}"])
    assert tokenize(pairs, tokenizer, max_length=8, positions=64).segments == [[0, 0, 0, 1, 1, 1]]
    assert tokenize(pairs, tokenizer, max_length=8, positions=64, segment_ids=False).segments == [[0] * 6]


def test_a_batch_is_padded_to_its_longest(tokenizer, words):
    """Padding is masked; the rows are those asked for, in that order."""
    texts = [" ".join(words[:count]) for count in (1, 4, 2)]
    tokens = tokenize(split(texts, labels=[0, 1, 1]), tokenizer, max_length=16, positions=64)
    batch = tokens.batch(np.array([2, 0]), torch.device("cpu"))
    assert batch["input_ids"].shape == (2, 4)
    assert batch["input_ids"][1].tolist() == [*tokens.ids[0], tokenizer.pad_token_id]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch["labels"].tolist() == [1, 0]
    assert batch["labels"].dtype == torch.int64
    targets = tokenize(split(texts, labels=[0.5, 1.0, 2.0]), tokenizer, max_length=16, positions=64)
    assert targets.batch([1], torch.device("cpu"))["labels"].dtype == torch.float32


def test_a_text_longer_than_the_positions_is_named(tokenizer, words):
    long = " ".join(words[:10])
    texts = split([words[0], words[1], long])
    with pytest.raises(
        UserError, match=r"mine, dev: example 3 has 12 tokens, but the model has 8 positions; .*max_length=8"
    ):
        tokenize(texts, tokenizer, max_length=128, positions=8, where="mine, dev:")
    # where the recipe cuts to what the model has, nothing is wrong; nor where nothing is too long
    assert tokenize(texts, tokenizer, max_length=8, positions=8).truncated == 1
    assert tokenize(texts, tokenizer, max_length=128, positions=12).truncated == 0
    assert tokenize(texts, tokenizer, max_length=128, positions=None).truncated == 0


def test_rows_are_counted_across_chunks(tokenizer, words, monkeypatch):
    monkeypatch.setattr("seedproof.models.tokens.CHUNK", 2)
    texts = split([words[0]] * 4 + [" ".join(words[:10])])
    with pytest.raises(UserError, match="example 5 has 12 tokens"):
        tokenize(texts, tokenizer, max_length=128, positions=8)
    assert len(tokenize(texts, tokenizer, max_length=128, positions=64)) == 5


@pytest.fixture(scope="module", params=["bert", "roberta"])
def real_tokenizer(request, tmp_path_factory, vocabulary_dir):
    """The tokenizer of a published model from its vocabulary files, as a folder without tokenizer.json has it."""
    vocabulary = vocabulary_dir / {"bert": "bert-base-uncased", "roberta": "roberta-base"}[request.param]
    if not vocabulary.is_dir():
        needs.lacking("data", f"no vocabulary at {vocabulary}; set SEEDPROOF_VOCAB_DIR")
    folder = tmp_path_factory.mktemp("real") / request.param
    shutil.copytree(vocabulary, folder)
    (folder / "config.json").write_text(json.dumps({"model_type": request.param, "vocab_size": 60000}))
    return load_tokenizer(ModelSource(request.param, folder))


@pytest.mark.parametrize(("task", "cut"), [("rte", 0.15), ("mrpc", 0.02)])
def test_real_glue_with_real_vocabularies(glue_dir, real_tokenizer, task, cut):
    """The whole vocabulary is there, (next to) nothing is unknown, pairs are whole, and few examples are cut."""
    assert len(real_tokenizer) > 30_000
    dev = load_task(f"glue/{task}", data_dir=glue_dir).dev
    tokens = tokenize(dev, real_tokenizer, max_length=128, positions=512)
    assert max(map(len, tokens.ids)) <= 128
    assert tokens.truncated / len(dev) < cut
    assert sum(row.count(real_tokenizer.unk_token_id) for row in tokens.ids) <= len(dev) // 100
    separators = 3 if tokens.segments is None else 2
    assert all(row.count(real_tokenizer.sep_token_id) == separators for row in tokens.ids)


def test_padding_before_the_text(tokenizer, words):
    texts = split([words[0], f"{words[1]} {words[2]}"], [words[3], words[4]])
    tokens = tokenize(texts, tokenizer, max_length=16, positions=64, inputs=Inputs(segments=True, pads_left=True))
    batch = tokens.batch([0, 1], torch.device("cpu"))
    assert batch["input_ids"][0].tolist() == [tokenizer.pad_token_id, *tokens.ids[0]]
    assert batch["attention_mask"].tolist() == [[0, 1, 1, 1, 1, 1], [1] * 6]
    assert batch["token_type_ids"][0].tolist() == [0, 0, 0, 0, 1, 1]


def test_segment_ids_are_given_or_left_out_as_asked(tokenizer, words):
    pairs = split([words[0]], [words[1]])
    for asked, expected in ((None, [[0, 0, 0, 1, 1]]), (True, [[0, 0, 0, 1, 1]]), (False, None)):
        tokens = tokenize(pairs, tokenizer, max_length=8, positions=64, inputs=Inputs(segments=asked))
        assert tokens.segments == expected
