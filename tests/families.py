"""Tiny random models of every family with a sequence classification class, and what a study gets from each.

As a command it writes the table of `docs/models.md`.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

FAMILIES = tuple(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
SIZES = (
    (r"(.*_)?vocab_size.*", 256),
    (r".*layers?|.*num_blocks|max_window_layers", 2),
    (r".*(heads?|n_head)", 4),
    (r".*(intermediate|ffn|inner|feed_forward|d_ff).*", 48),
    (r".*head_dim|d_kv|.*lora_rank|mamba_(d_state|dt_rank|d_head|headdim)|num_latents", 8),
    (r".*(hidden_size|d_model|n_embd|embed_dim|embedding_size|emb_dim|d_latents)|dim", 32),
    (r"max_position_embeddings|n_positions|n_ctx|max_.*_embeddings|train_size", 128),
    (r".*experts", 4),
)
"""Largest values of the numbers of a configuration, by the first pattern that matches the name."""
TOKENS = {"pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3,
          "decoder_start_token_id": 0}  # fmt: skip
"""The special tokens of the miniature's tokenizer, which all of these models get."""
OWN = {
    "esm": {"vocab_size": 256, "pad_token_id": 0},
    "reformer": {"axial_pos_embds": False},
}
"""What a family needs beyond that."""


def tiny_configuration(family: str, **settings: Any) -> PreTrainedConfig:
    """A family's default configuration with every size shrunk and what follows from sizes left to it."""
    kind = CONFIG_MAPPING[family]
    return kind(**_small(kind(**OWN.get(family, {}))) | OWN.get(family, {}) | settings)


def _small(config: PreTrainedConfig) -> dict[str, Any]:
    """The arguments that make a small configuration of this kind."""
    given: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        name, value = field.name, getattr(config, field.name, None)
        if isinstance(value, PreTrainedConfig):
            given[name] = type(value)(**_small(value))
        elif name in TOKENS and value is not None:
            given[name] = TOKENS[name]
        elif isinstance(value, int) and not isinstance(value, bool) and field.default is not None:
            limit = next((limit for pattern, limit in SIZES if re.fullmatch(pattern, name)), value)
            given[name] = min(value, limit)
        elif name == "head_dim":
            given[name] = 8
    return given
