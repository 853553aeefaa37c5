"""The 12-layer BERT for chemical reactions in the package rxnfp, with its masked-LM head, for stock Transformers.

    pip download rxnfp==0.1.0 --no-deps
    python benchmarks/real/from_rxnfp.py rxnfp-0.1.0-*.whl out/real/rxnfp

What it is: BERT, 256 wide, pre-trained from scratch by masking on 2.5 million reactions written as SMILES (Schwaller et al.
2021, doi 10.1038/s42256-020-00284-w; MIT licence). The package has the weights as a pickle, and a tokenizer that is code of
its own. Here the pickle is opened once, with ``weights_only=True``, and written as safetensors; the tokenizer becomes a file.
The wheel is read as an archive: nothing of it is installed or executed.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from pathlib import Path
from typing import Any

FOLDER = "rxnfp/models/transformers/bert_pretrained"

TOKEN = (
    r"\[[^\]]+\]|Br|Cl|[BCNOSPFIbcnosp]"  # atoms
    r"|>>|[().=#\-+\\/:~@?>*$|]"  # bonds, branches, arrows
    r"|%[0-9]{2}|%\([0-9]{3}\)|[0-9]"  # rings
)
"""A token of SMILES: an atom, in brackets or without, a bond, a ring or a branch; after Schwaller et al. 2019 (doi
10.1021/acscentsci.9b00576). Whatever is none of these is left out."""

CARD = """---
license: mit
---

BERT of {layers} layers, {width} wide, pre-trained on reaction SMILES, from `{folder}` of the package rxnfp, with its pooler,
masked-LM and next-sentence heads.
"""


def tokenizer(vocabulary: list[str], longest: int) -> Any:
    """The package's tokenizer as a fast one of Transformers: words of the vocabulary as :data:`TOKEN` finds them."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {token: number for number, token in enumerate(vocabulary)}
    made = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(TOKEN), behavior="removed", invert=True)
    made.post_processor = processors.BertProcessing(("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"]))
    special = {f"{role}_token": f"[{role.upper()}]" for role in ("cls", "sep", "pad", "unk", "mask")}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=longest, **special)


def write(config: dict[str, Any], state: dict[str, Any], vocabulary: list[str], folder: Path) -> None:
    """Write model, tokenizer and card into a folder.

    Args:
        config: fields of ``BertConfig``.
        state: tensors of ``BertForPreTraining`` by name.
        vocabulary: tokens in the order of their numbers.
        folder: to write to.
    """
    from transformers import BertConfig, BertForPreTraining

    model = BertForPreTraining(BertConfig(**config))
    # Names that Transformers makes of others, and so does not find in the state: tied weights, numbers of positions.
    missing, unknown = model.load_state_dict(state, strict=False)
    derived = {"cls.predictions.decoder.bias", "bert.embeddings.position_ids"}
    if unknown or set(missing) - derived:
        raise SystemExit(f"the weights are not those of this model: missing {missing}, unknown {unknown}")
    model.save_pretrained(folder)
    tokenizer(vocabulary, model.config.max_position_embeddings).save_pretrained(folder)
    sizes = {"layers": model.config.num_hidden_layers, "width": model.config.hidden_size}
    (folder / "README.md").write_text(CARD.format(folder=FOLDER, **sizes), encoding="utf-8")


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="the wheel of rxnfp 0.1.0")
    parser.add_argument("folder", type=Path, help="where the model is written")
    given = parser.parse_args()
    try:
        with zipfile.ZipFile(given.package) as wheel:
            config = json.loads(wheel.read(f"{FOLDER}/config.json"))
            weights = io.BytesIO(wheel.read(f"{FOLDER}/pytorch_model.bin"))
            vocabulary = wheel.read(f"{FOLDER}/vocab.txt").decode().splitlines()
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise SystemExit(f"{given.package} is not the wheel of rxnfp 0.1.0: {error}") from None
    state = torch.load(weights, weights_only=True, map_location="cpu")
    write(config, state, vocabulary, given.folder)
    print(f"{given.folder}: {config['num_hidden_layers']} layers, {len(vocabulary)} tokens")


if __name__ == "__main__":
    main()
