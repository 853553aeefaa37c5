"""Whole-word tokenizers for the miniatures, in BERT's and in RoBERTa's layout, that ``AutoTokenizer`` opens."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from seedproof.miniature.grammar import vocabulary

MAXIMUM_LENGTH = 64
"""Tokens; positions are pre-trained up to here."""

_BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
# pair layouts of the three families' own tokenizers; ":1" is the segment
_TEMPLATES = {
    "bert": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
    "roberta": ("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
    "albert": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
}


def make_tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Build the tokenizer of a family: one token a word, special tokens first, lower case.

    RoBERTa keeps its padding token at id 1, from which its positions are counted, and has no segment ids.
    """
    special = _ROBERTA if family == "roberta" else _BERT
    words = {word: index for index, word in enumerate([*special.values(), *vocabulary()])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=special["unk"]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    single, pair = _TEMPLATES[family]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(special[key], words[special[key]]) for key in ("cls", "sep")]
    )
    names = ["input_ids", *([] if family == "roberta" else ["token_type_ids"]), "attention_mask"]
    tokens: dict[str, Any] = {f"{key}_token": value for key, value in special.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=MAXIMUM_LENGTH, model_input_names=names, **tokens
    )
