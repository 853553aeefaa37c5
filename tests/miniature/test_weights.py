"""The shipped miniatures open in stock Transformers and know their language."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer

from seedproof.miniature.corpus import held_out_text
from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.source import MINIATURES, WEIGHTS, find_model
from seedproof.recipes.card import settings_of_card


def test_the_package_stays_small():
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file()) < 15_000_000


@pytest.mark.parametrize(
    "name", ["bert", *(pytest.param(name, marks=pytest.mark.slow) for name in MINIATURES if name != "bert")]
)
def test_stock_transformers_opens_it_and_it_predicts_masked_words(name):
    folder = WEIGHTS / name
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForMaskedLM.from_pretrained(folder).eval()
        assert AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3).config.num_labels == 3
    tokens = tokenizer(held_out_text(100), padding=True, return_tensors="pt")
    ids = tokens["input_ids"]
    words = ids >= len(tokenizer.all_special_ids)
    asked = words & (torch.rand(ids.shape, generator=torch.Generator().manual_seed(0)) < 0.15)
    with torch.no_grad():
        logits = model(**{**tokens, "input_ids": ids.masked_fill(asked, tokenizer.mask_token_id)}).logits
    loss = torch.nn.functional.cross_entropy(logits[asked], ids[asked]).item()
    assert loss < 2.4  # nothing known: ln 146 = 4.98; the frequencies of words alone: about 4.4
    assert tokenizer.unk_token_id not in ids


@pytest.mark.parametrize("name", MINIATURES)
def test_its_card_gives_a_learning_rate(name):
    source = find_model(f"miniature/{name}")
    assert 1e-5 < settings_of_card(source)["learning_rate"] < 1e-2
    assert source.positions == 64
